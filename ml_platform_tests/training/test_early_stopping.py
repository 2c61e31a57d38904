import numpy as np
import pytest

from ml_platform.exceptions import TrainingError
from ml_platform.task import Task
from ml_platform.training.early_stopping import EarlyStopping, held_back

TARGET = np.array([0] * 80 + [1] * 20)


def test_rows_are_held_back_of_each_class_alike():
    stopping = EarlyStopping(rounds=5, fraction=0.25)
    held = held_back(TARGET, stopping, task=Task.BINARY, seed=1)
    assert held[TARGET == 0].sum() == 20
    assert held[TARGET == 1].sum() == 5


def test_the_seed_chooses_the_rows():
    stopping = EarlyStopping(rounds=5)
    one, again, other = (
        held_back(TARGET, stopping, task=Task.BINARY, seed=seed) for seed in (1, 1, 2)
    )
    assert (one == again).all()
    assert (one != other).any()


def test_the_last_rows_can_be_held_back():
    values = np.arange(10.0)
    stopping = EarlyStopping(rounds=1, fraction=0.2, rows="last")
    held = held_back(values, stopping, task=Task.REGRESSION, seed=0)
    assert np.flatnonzero(held).tolist() == [8, 9]


@pytest.mark.parametrize(
    ("target", "stopping"),
    [
        (TARGET[:5], EarlyStopping(rounds=1, fraction=0.1)),
        (TARGET, EarlyStopping(rounds=1, fraction=0.2, rows="last")),
    ],
    ids=["too few rows", "a class in the last rows only"],
)
def test_a_side_without_rows_or_a_class_is_refused(target: np.ndarray, stopping: EarlyStopping):
    with pytest.raises(TrainingError, match="cannot hold back"):
        held_back(target, stopping, task=Task.BINARY, seed=0)
