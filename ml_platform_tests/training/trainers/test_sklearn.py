import hashlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_platform.exceptions import ModelError, TrainingError
from ml_platform.task import Task
from ml_platform.testing.trainers import example_rows
from ml_platform.training.trainers.sklearn import FILE, Sklearn, SklearnEstimator

LOGISTIC = "sklearn.linear_model.LogisticRegression"
VOTING = "sklearn.ensemble.VotingClassifier"


class Foreign:
    pass


def test_the_seed_goes_to_random_state():
    trainer = Sklearn(estimator="sklearn.ensemble.RandomForestClassifier", seed=11)
    matrix, target = example_rows(Task.BINARY, rows=50, seed=0)
    estimator = trainer.fit(matrix, target, task=Task.BINARY, classes=2)
    assert estimator.pipeline[-1].random_state == 11


def test_a_wide_linear_model_scores_a_row_alone_bit_for_bit_as_among_others():
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(500, 61))
    target = (matrix @ rng.normal(size=61) > 0).astype(int)
    estimator = Sklearn(estimator=LOGISTIC).fit(matrix, target, task=Task.BINARY, classes=2)
    scores = estimator.scores(matrix)
    for start, rows in [(0, 1), (3, 2), (77, 65), (400, 100), (499, 1)]:
        part = estimator.scores(matrix[start : start + rows])
        assert part.tobytes() == scores[start : start + rows].tobytes()


def test_an_all_null_column_does_not_change_the_shape():
    matrix, target = example_rows(Task.BINARY, rows=80, seed=0)
    matrix[:, 2] = np.nan
    estimator = Sklearn(estimator=LOGISTIC).fit(matrix, target, task=Task.BINARY, classes=2)
    matrix[:, 2] = 1.0
    assert np.isfinite(estimator.scores(matrix)).all()


@pytest.mark.parametrize(
    ("declared", "task", "says"),
    [
        ({"estimator": "os.system"}, Task.BINARY, "not of scikit-learn"),
        ({"estimator": "sklearn.linear_model.Nothing"}, Task.BINARY, "no estimator 'Nothing'"),
        ({"estimator": "sklearn.nothing.Nothing"}, Task.BINARY, "cannot be imported"),
        ({"estimator": "sklearn.linear_model.Ridge"}, Task.BINARY, "is no classifier"),
        ({"estimator": LOGISTIC}, Task.REGRESSION, "is no regressor"),
        ({"estimator": "sklearn.svm.LinearSVC"}, Task.BINARY, "CalibratedClassifierCV"),
        ({"estimator": LOGISTIC, "params": {"D": 1}}, Task.BINARY, "no parameter 'D'.*valid: C,"),
        ({"estimator": VOTING}, Task.BINARY, "cannot be made: .*missing.*'estimators'"),
        (
            {"estimator": VOTING, "params": {"estimators": [["a", {"estimator": LOGISTIC}]]}},
            Task.BINARY,
            "gives no probabilities as declared.*voting: soft",
        ),
        (
            {"estimator": VOTING, "params": {"estimators": ["a", "b"]}},
            Task.BINARY,
            "these params; an estimator among them is a mapping.*list of",
        ),
        (
            {"estimator": VOTING, "params": {"estimators": [["a", {"estimator": "os.system"}]]}},
            Task.BINARY,
            "'os.system' is not of scikit-learn",
        ),
        (
            {
                "estimator": VOTING,
                "params": {"estimators": [["a", {"estimator": LOGISTIC, "param": {"C": 2}}]]},
            },
            Task.BINARY,
            r"LogisticRegression has 'param' beside it \(valid: estimator, params\)",
        ),
        (
            {"estimator": "sklearn.ensemble.BaggingClassifier", "params": {"estimator": LOGISTIC}},
            Task.BINARY,
            "these params; an estimator among them is a mapping",
        ),
    ],
)
def test_what_cannot_train_is_told_before_any_row_is_read(
    declared: dict[str, Any], task: Task, says: str
):
    with pytest.raises(TrainingError, match=says):
        Sklearn.model_validate(declared).check(task=task)


def test_a_value_that_scikit_learn_refuses_is_a_training_error():
    matrix, target = example_rows(Task.BINARY, rows=50, seed=0)
    trainer = Sklearn.model_validate({"estimator": LOGISTIC, "params": {"C": -1}})
    with pytest.raises(TrainingError, match=r"cannot train.*'C'"):
        trainer.fit(matrix, target, task=Task.BINARY, classes=2)


def test_a_part_that_gives_no_probabilities_is_a_training_error():
    matrix, target = example_rows(Task.BINARY, rows=50, seed=0)
    parts = [["a", {"estimator": LOGISTIC}], ["b", {"estimator": "sklearn.svm.LinearSVC"}]]
    trainer = Sklearn.model_validate(
        {"estimator": VOTING, "params": {"voting": "soft", "estimators": parts}}
    )
    with pytest.raises(TrainingError, match=r"VotingClassifier cannot train.*'predict_proba'"):
        trainer.fit(matrix, target, task=Task.BINARY, classes=2)


def test_a_pickle_in_the_place_of_the_model_is_not_loaded(tmp_path: Path):
    (tmp_path / FILE).write_bytes(pickle.dumps({"pipeline": 1, "task": "binary"}))
    with pytest.raises(ModelError, match="cannot be read"):
        Sklearn.load(tmp_path)


@pytest.mark.parametrize("planted", [Foreign(), hashlib.sha256, Foreign])
def test_types_of_other_packages_are_refused(tmp_path: Path, planted: object):
    SklearnEstimator(planted, Task.BINARY).save(tmp_path)
    with pytest.raises(ModelError, match="types that are not loaded"):
        Sklearn.load(tmp_path)
