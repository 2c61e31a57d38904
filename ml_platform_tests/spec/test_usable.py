"""What of a sound declaration cannot be used."""

import pytest

from ml_platform.spec.load import load_declaration
from ml_platform.spec.usable import unusable
from ml_platform.task import Task
from ml_platform.training.trainers.xgboost import XGBoost
from ml_platform_tests.spec.declarations import VALID, line_of, write

TRAINING = "{type: xgboost, rounds: 10, seed: 7}"


class Careless(XGBoost):
    """A trainer of another team whose check has a bug."""

    def check(self, *, task: Task) -> None:
        raise KeyError(task)


@pytest.mark.parametrize(
    ("training", "says"),
    [
        ("{type: sklearn, estimator: sklearn.linear_model.Nothing}", "no estimator 'Nothing'"),
        ("{type: sklearn, estimator: sklearn.linear_model.Ridge}", "is no classifier"),
        (
            "{type: xgboost, params: {objective: reg:squarederror}}",
            "does not fit task binary; valid: binary:logistic",
        ),
        (f"{{type: '{__name__}:Careless'}}", "checking it raised KeyError"),
    ],
)
def test_training_that_cannot_be_is_told_with_its_line(tmp_path, training, says) -> None:
    text = VALID.replace(TRAINING, training)
    file = write(tmp_path, text)
    (problem,) = unusable(load_declaration(file))
    assert problem.startswith(f"{file}:{line_of(text, 'training:')}: training: ")
    assert says in problem


def test_nothing_is_told_of_what_can_be_used(tmp_path) -> None:
    assert unusable(load_declaration(write(tmp_path))) == []
