"""A small model of flights, its Bento, and the Bento as a running service."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml_platform.features.spec import FeatureSpec
from ml_platform.serving.build import build_bento
from ml_platform.serving.process import ServiceProcess
from ml_platform.task import Task
from ml_platform.training.fit import train
from ml_platform.training.model import Model
from ml_platform.training.trainers.trainer import TRAINERS

NAME = "flight_delays"
CONTRACT = {
    "version": 4,
    "columns": {
        "flight_id": {"dtype": "int64", "unique": True},
        "carrier": {"dtype": "category", "allowed": ["UA", "AA", "B6"]},
        "distance": {"dtype": "int64", "min": 17, "max": 5000},
        "dep_delay": {"dtype": "float64", "nullable": True},
        "departure": {"dtype": "datetime"},
        "late": {"dtype": "int64", "allowed": [0, 1]},
    },
}
RELEASE = {"owner": "ops@example.com", "run_id": "abc", "metrics": {"roc_auc": 0.8}}
FEATURES = "def build(frame):\n    return frame.assign(hour=frame['departure'].dt.hour)\n"


@pytest.fixture(scope="session")
def flights() -> pd.DataFrame:
    random = np.random.default_rng(7)
    rows = 400
    minutes = pd.to_timedelta(random.integers(0, 90 * 24 * 60, rows), unit="min")
    delay = np.where(random.random(rows) < 0.1, np.nan, random.normal(10, 30, rows))
    return pd.DataFrame(
        {
            "carrier": random.choice(["UA", "AA", "B6"], rows),
            "distance": random.integers(50, 3000, rows),
            "dep_delay": delay,
            "departure": pd.Timestamp("2013-01-01") + minutes,
            "late": (np.nan_to_num(delay) + random.normal(0, 10, rows) > 15).astype(int),
        }
    )


@pytest.fixture(scope="session")
def model(flights: pd.DataFrame, declaration: Path) -> Model:
    return train(
        flights,
        target="late",
        task=Task.BINARY,
        features=FeatureSpec(
            numeric=("distance", "dep_delay", "hour"),
            categorical=("carrier",),
            transform="features:build",
        ),
        trainer=TRAINERS.parse({"type": "xgboost", "rounds": 10}),
        folder=declaration,
    )


@pytest.fixture(scope="session")
def declaration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("declaration")
    (folder / "features.py").write_text(FEATURES)
    return folder


@pytest.fixture(scope="session")
def model_folder(model: Model, declaration: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "model"
    model.save(folder, folder_of_declaration=declaration)
    return folder


@pytest.fixture(scope="session")
def bentos(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store, below a hidden folder as the default home is, that holds version 3."""
    store = tmp_path_factory.mktemp("home") / ".ml_platform" / "bentoml"
    tag = build_bento(
        model_folder=model_folder,
        name=NAME,
        version=3,
        contract=CONTRACT,
        release=RELEASE,
        bentos=store,
    )
    assert tag == "flight_delays:3"
    return store


@pytest.fixture(scope="session")
def service(bentos: Path) -> Iterator[ServiceProcess]:
    with ServiceProcess("flight_delays:3", bentos=bentos) as running:
        yield running
