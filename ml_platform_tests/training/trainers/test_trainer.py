from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from ml_platform.task import Task
from ml_platform.testing.trainers import check_trainer
from ml_platform.training.trainers.trainer import TRAINERS
from ml_platform.training.trainers.xgboost import XGBoost, XGBoostEstimator

TREES = {"type": "xgboost", "rounds": 15, "params": {"max_depth": 3}, "seed": 7}
LINEAR = {"type": "sklearn", "estimator": "sklearn.linear_model.LogisticRegression"}
FOREST = {"type": "sklearn", "params": {"n_estimators": 12, "n_jobs": 2}, "scale": False, "seed": 7}
SAMPLED = {**TREES, "params": {"subsample": 0.7, "colsample_bytree": 0.7}, "threads": 2}
STOPPED = {**TREES, "early_stopping": {"rounds": 3, "fraction": 0.2}}
EXACT = {**TREES, "params": {"tree_method": "exact"}}
DART = {**TREES, "params": {"booster": "dart"}}
INNER = {"estimator": "sklearn.linear_model.LogisticRegression", "params": {"C": 0.5}}
INNER_FOREST = {"estimator": "sklearn.ensemble.RandomForestClassifier",
                "params": {"n_estimators": 5, "n_jobs": 2}}  # fmt: skip
CLASSIFIERS = [
    TREES,
    SAMPLED,
    STOPPED,
    EXACT,
    DART,
    LINEAR,
    {**FOREST, "estimator": "sklearn.ensemble.RandomForestClassifier"},
    {"type": "sklearn", "estimator": "sklearn.ensemble.HistGradientBoostingClassifier",
     "impute": "none", "params": {"max_iter": 10}},
    {"type": "sklearn", "estimator": "sklearn.calibration:CalibratedClassifierCV", "seed": 1,
     "params": {"estimator": {"estimator": "sklearn.svm.LinearSVC", "params": {"C": 0.5}}}},
    {"type": "sklearn", "estimator": "sklearn.ensemble.VotingClassifier", "seed": 7,
     "params": {"voting": "soft", "estimators": [["linear", INNER], ["forest", INNER_FOREST]]}},
    {"type": "sklearn", "estimator": "sklearn.ensemble.StackingClassifier", "seed": 7,
     "params": {"cv": 2, "estimators": [["linear", INNER], ["forest", INNER_FOREST]]}},
]  # fmt: skip
REGRESSORS = [
    TREES,
    SAMPLED,
    STOPPED,
    {**TREES, "params": {"objective": "reg:absoluteerror"}},
    {"type": "sklearn", "estimator": "sklearn.linear_model.Ridge", "impute": "mean"},
    {**FOREST, "estimator": "sklearn.ensemble.RandomForestRegressor", "impute": "zero"},
    {"type": "sklearn", "estimator": "sklearn.ensemble.StackingRegressor", "params": {
        "cv": 2, "estimators": [["ridge", {"estimator": "sklearn.linear_model.Ridge"}]],
        "final_estimator": {"estimator": "sklearn.linear_model.Lasso", "params": {"alpha": 0.01}},
    }},
]  # fmt: skip


def name_of(declared: dict[str, Any]) -> str:
    return str(declared.get("estimator", declared.get("params"))).rpartition(".")[2]


@pytest.mark.parametrize("task", [Task.BINARY, Task.MULTICLASS])
@pytest.mark.parametrize("declared", CLASSIFIERS, ids=name_of)
def test_classifier_keeps_the_contract(declared: dict[str, Any], task: Task, tmp_path: Path):
    check_trainer(TRAINERS.parse(declared), task=task, folder=tmp_path)


@pytest.mark.parametrize("declared", REGRESSORS, ids=name_of)
def test_regressor_keeps_the_contract(declared: dict[str, Any], tmp_path: Path):
    check_trainer(TRAINERS.parse(declared), task=Task.REGRESSION, folder=tmp_path)


class Deaf(XGBoost):
    """A trainer of another team that takes weights and lets them count for nothing."""

    def fit(self, *rows: Any, weights: object = None, **named: Any) -> XGBoostEstimator:
        return super().fit(*rows, **named)


def test_a_trainer_that_ignores_weights_breaks_the_contract(tmp_path: Path):
    deaf = TRAINERS.parse({**TREES, "type": f"{__name__}:Deaf"})
    with pytest.raises(AssertionError, match="the weights count for nothing"):
        check_trainer(deaf, task=Task.BINARY, folder=tmp_path)


def test_every_shipped_trainer_is_under_the_contract():
    assert set(TRAINERS.names()) == {declared["type"] for declared in CLASSIFIERS + REGRESSORS}


def test_an_unknown_trainer_names_the_valid_ones():
    with pytest.raises(PydanticCustomError, match=r"did you mean 'xgboost'.*sklearn, xgboost"):
        TRAINERS.parse({"type": "xgbost"})


@pytest.mark.parametrize("seed", [-1, 2**31])
def test_a_seed_that_not_every_library_takes_is_refused_at_load(seed: int):
    with pytest.raises(ValidationError, match="seed"):
        TRAINERS.parse({"type": "xgboost", "seed": seed})
