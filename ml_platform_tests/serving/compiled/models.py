"""Small models over numbers and categories, and records with anything in them."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from ml_platform.features.spec import FeatureSpec
from ml_platform.task import Task
from ml_platform.training.fit import train
from ml_platform.training.model import Model
from ml_platform.training.trainers.trainer import TRAINERS

NUMERIC = ("delay", "distance", "seats")
CATEGORICAL = ("carrier", "hour")
ROWS = 240


def rows(*, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    delay = np.where(random.random(ROWS) < 0.1, np.nan, random.normal(10, 30, ROWS))
    return pd.DataFrame(
        {
            "delay": delay,
            "distance": random.integers(50, 3000, ROWS).astype(float),
            "seats": random.choice([0.1, 1e-30, -5.5, 1e20, 7.0], ROWS),
            "carrier": random.choice(["UA", "AA", "B6", "9E"], ROWS),
            "hour": random.integers(0, 4, ROWS),
            "noise": random.normal(0, 20, ROWS),
        }
    )


@cache
def model(task: Task, declared: str, *, seed: int = 0) -> Model:
    """Train on a few rows; `declared` is the JSON of a trainer."""
    frame = rows(seed=seed)
    signal = frame["delay"].fillna(40) + frame["noise"] + 10 * frame["hour"]
    target: dict[Task, Any] = {
        Task.BINARY: (signal > 20).astype(int),
        Task.MULTICLASS: pd.qcut(signal, 3, labels=False),
        Task.REGRESSION: np.exp(signal / 50),
    }
    return train(
        frame.drop(columns="noise").assign(target=target[task]),
        target="target",
        task=task,
        features=FeatureSpec(numeric=NUMERIC, categorical=CATEGORICAL, max_categories=3),
        trainer=TRAINERS.parse(json.loads(declared)),
        folder=Path(),
    )


def records() -> st.SearchStrategy[list[dict[str, Any]]]:
    """Lists of records: usual values, extremes, denormals, unknown and wrongly typed categories."""
    number = st.one_of(
        st.none(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.floats(width=32, allow_nan=False, allow_infinity=False),
        st.integers(-(2**63), 2**63 - 1),
        st.sampled_from([0.0, -0.0, 5e-324, 1e-45, 0.1, 1e308, -1e308, 3.4028235677973366e38]),
        st.floats(-100, 3000),
    )
    category = st.one_of(
        st.sampled_from(["UA", "AA", "B6", "9E", "ua", "", "?", None, 1, 2.0, True]), st.text()
    )
    record = st.fixed_dictionaries(
        dict.fromkeys(NUMERIC, number) | dict.fromkeys(CATEGORICAL, category)
    )
    return st.lists(record, min_size=1, max_size=40)
