"""A small model without a transform as a running service with a journal."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd

from ml_platform.features.spec import FeatureSpec
from ml_platform.serving.build import build_bento
from ml_platform.serving.process import ServiceProcess
from ml_platform.task import Task
from ml_platform.training.fit import train
from ml_platform.training.trainers.trainer import TRAINERS

RECORD: dict[str, Any] = {"carrier": "UA", "distance": 1400, "delay": None, "freight": False}
CONTRACT = {
    "version": 1,
    "columns": {
        "carrier": {"dtype": "category", "allowed": ["UA", "AA", "B6"]},
        "distance": {"dtype": "int64", "min": 17, "max": 5000, "description": "In miles."},
        "delay": {"dtype": "float64", "nullable": True, "description": "At departure, minutes."},
        "freight": {"dtype": "bool"},
        "late": {"dtype": "int64", "allowed": [0, 1]},
    },
}  # fmt: skip


@contextmanager
def small_service(
    *,
    workers: int = 1,
    host: str = "127.0.0.1",
    model_hash: str | None = None,
    **environment: str,
) -> Iterator[tuple[ServiceProcess, dict[str, Any]]]:
    """The service and a good record; the environment is that of the service."""
    bentos = small_bentos(model_hash=model_hash)
    with TemporaryDirectory() as journal:
        own = {"ML_PLATFORM_JOURNAL": journal} | environment
        with (
            mock.patch.dict(os.environ, own),
            ServiceProcess("flights:1", bentos=bentos, host=host, workers=workers) as service,
        ):
            yield service, dict(RECORD)


def small_bentos(*, model_hash: str | None = None) -> Path:
    """The Bento store that holds it, `flights:1`."""
    return Path(_built(model_hash).name) / "bentos"


@cache
def _built(model_hash: str | None) -> "TemporaryDirectory[str]":
    """A store with the Bento, for all tests of this process; it goes when that ends."""
    home = TemporaryDirectory()
    _build(Path(home.name), model_hash)
    return home


def _build(home: Path, model_hash: str | None) -> None:
    draw = np.random.default_rng(7)
    rows = 300
    frame = pd.DataFrame(
        {
            "carrier": draw.choice(["UA", "AA", "B6"], rows),
            "distance": draw.integers(50, 3000, rows),
            "delay": draw.normal(10, 30, rows),
            "freight": draw.random(rows) < 0.1,
        }
    )
    frame["late"] = (frame["delay"] + draw.normal(0, 10, rows) > 15).astype(int)
    features = FeatureSpec(numeric=("distance", "delay", "freight"), categorical=("carrier",))
    model = train(
        frame,
        target="late",
        task=Task.BINARY,
        features=features,
        trainer=TRAINERS.parse({"type": "xgboost", "rounds": 10}),
        folder=home,
    )
    model.save(home / "model", folder_of_declaration=home)
    build_bento(
        model_folder=home / "model",
        name="flights",
        version=1,
        contract=CONTRACT,
        release={"owner": "ops@example.com", "description": "Will a flight land late?"},
        bentos=home / "bentos",
        model_hash=model_hash,
    )
