import numpy as np
import pandas as pd

from ml_platform.data.resampling import resampled
from ml_platform.task import Task


def draw(frame, *, task=Task.BINARY, group=None, seed=(0, 0)):
    return resampled(frame, target="y", task=task, group=group, seed=seed)


def test_as_many_rows_are_drawn_with_replacement_and_stay_in_order():
    frame = pd.DataFrame({"y": [0, 1] * 500})
    drawn = draw(frame)
    assert len(drawn) == 1000
    assert (np.diff(drawn) >= 0).all()
    assert 0.60 < len(np.unique(drawn)) / 1000 < 0.66  # 1 - 1/e


def test_the_same_seed_draws_the_same_rows_and_another_fold_others():
    frame = pd.DataFrame({"y": [0, 1] * 50})
    assert np.array_equal(draw(frame), draw(frame))
    assert not np.array_equal(draw(frame), draw(frame, seed=(0, 1)))


def test_groups_are_drawn_whole():
    frame = pd.DataFrame({"y": [0, 1] * 30, "customer": np.repeat(np.arange(20), 3)})
    drawn = draw(frame, group="customer")
    times = np.bincount(drawn, minlength=60).reshape(20, 3)
    assert (times == times[:, :1]).all()
    assert (times == 0).any()
    assert (times > 1).any()


def test_a_class_of_one_row_is_in_every_fold():
    frame = pd.DataFrame({"y": ["rare", *["a", "b"] * 20]})
    for fold in range(20):
        assert 0 in draw(frame, task=Task.MULTICLASS, seed=(0, fold))
