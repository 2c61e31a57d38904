"""How much each row counts, and that trainers heed it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_platform.exceptions import TrainingError
from ml_platform.features.spec import FeatureSpec
from ml_platform.task import Task
from ml_platform.training.fit import train
from ml_platform.training.model import Model
from ml_platform.training.trainers.trainer import TRAINERS
from ml_platform.training.weighting import Weighting

DAYS = pd.DataFrame({"at": pd.to_datetime(["2013-01-01", "2013-01-11", "2013-01-21"])})
TARGET = np.array([0, 0, 1])
TREES = {"type": "xgboost", "rounds": 20, "params": {"max_depth": 2}}
LINEAR = {"type": "sklearn", "estimator": "sklearn.linear_model.LogisticRegression"}


def test_without_a_wish_there_are_no_weights() -> None:
    assert Weighting().weights(DAYS, TARGET, classes=2) is None
    assert Weighting(event_time="at").weights(DAYS, TARGET, classes=2) is None


def test_a_row_one_half_life_older_counts_half() -> None:
    weighting = Weighting("at", timedelta(days=10))
    weights = weighting.weights(DAYS, TARGET, classes=2)
    assert weights is not None
    np.testing.assert_allclose(weights / weights[2], [0.25, 0.5, 1.0])
    assert weights.mean() == pytest.approx(1.0)


def test_balanced_classes_count_the_same_in_sum() -> None:
    weights = Weighting(balance=True).weights(DAYS, TARGET, classes=2)
    assert weights is not None
    assert weights[:2].sum() == pytest.approx(weights[2])


def test_both_together_still_balance() -> None:
    weights = Weighting("at", timedelta(days=10), balance=True).weights(DAYS, TARGET, classes=2)
    assert weights is not None
    assert weights[:2].sum() == pytest.approx(weights[2])
    assert weights[1] == pytest.approx(2 * weights[0])


def test_a_regression_is_not_balanced() -> None:
    assert Weighting(balance=True).weights(DAYS, np.array([1.5, 2.0, 9.0]), classes=0) is None


def test_a_row_without_a_time_is_told() -> None:
    frame = DAYS.assign(at=[pd.NaT, *DAYS["at"][1:]])
    with pytest.raises(TrainingError, match="'at' is null in 1 training rows"):
        Weighting("at", timedelta(days=1)).weights(frame, TARGET, classes=2)


def changed_world(rows: int = 2_000) -> pd.DataFrame:
    """What made a positive in the first half makes a negative in the second."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=rows)
    old = np.arange(rows) < rows / 2
    at = pd.Timestamp("2013-01-01") + pd.to_timedelta(np.arange(rows), unit="h")
    return pd.DataFrame({"x": x, "at": at, "y": ((x > 0) == old).astype(int)})


def fit(frame: pd.DataFrame, trainer: dict[str, Any], weighting: Weighting | None) -> Model:
    return train(
        frame,
        target="y",
        task=Task.BINARY,
        features=FeatureSpec(numeric=("x",), categorical=()),
        trainer=TRAINERS.parse(trainer),
        folder=Path(),
        weighting=weighting,
    )


@pytest.mark.parametrize("trainer", [TREES, LINEAR], ids=["xgboost", "sklearn"])
def test_recent_rows_win_over_old_ones(trainer: dict[str, Any]) -> None:
    model = fit(changed_world(), trainer, Weighting("at", timedelta(days=5)))
    scores = model.scores(pd.DataFrame({"x": [-1.0, 1.0]}))
    assert scores[0] > 0.9
    assert scores[1] < 0.1


@pytest.mark.parametrize("trainer", [TREES, LINEAR], ids=["xgboost", "sklearn"])
def test_balancing_lifts_the_rare_class_to_its_due(trainer: dict[str, Any]) -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"x": rng.normal(size=3_000), "y": rng.random(3_000) < 0.05})
    frame["y"] = frame["y"].astype(int)
    plain, balanced = (
        fit(frame, trainer, w).scores(frame).mean() for w in (None, Weighting(balance=True))
    )
    assert plain == pytest.approx(0.05, abs=0.02)
    assert balanced == pytest.approx(0.5, abs=0.1)


def test_early_stopping_watches_with_weights_too() -> None:
    stopped = {**TREES, "early_stopping": {"rounds": 3, "fraction": 0.2}}
    model = fit(changed_world(), stopped, Weighting("at", timedelta(days=5)))
    assert model.scores(pd.DataFrame({"x": [-1.0]}))[0] > 0.8


def test_an_estimator_without_weights_is_refused_in_words() -> None:
    neighbors = {"type": "sklearn", "estimator": "sklearn.neighbors.KNeighborsClassifier"}
    with pytest.raises(TrainingError, match="KNeighborsClassifier takes no weights"):
        fit(changed_world(200), neighbors, Weighting(balance=True))
