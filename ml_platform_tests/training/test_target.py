from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_platform.exceptions import TrainingError
from ml_platform.task import Task
from ml_platform.training.target import encode_known, encode_target


def series(values: list[Any], dtype: Any = None) -> pd.Series:
    return pd.Series(values, name="late", dtype=dtype)


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        (series([1, 0, 1]), (0, 1)),
        (series([1.0, 0.0, 1.0]), (0, 1)),
        (series([True, False, True]), (False, True)),
        (series([True, False, True], "boolean"), (False, True)),
        (series([1, 0, 1], "Int64"), (0, 1)),
        (series(["yes", "no", "yes"]), ("no", "yes")),
        (series(["yes", "no", "yes"], "category"), ("no", "yes")),
    ],
)
def test_classes_ascend_and_are_json_scalars(values: pd.Series, classes: tuple[Any, ...]):
    codes, found = encode_target(values, Task.BINARY)
    assert [repr(c) for c in found] == [repr(c) for c in classes]
    assert codes.dtype == np.int64
    assert codes.tolist() == [1, 0, 1]


@pytest.mark.parametrize("positive", ["bad", "good"])
def test_the_positive_class_comes_last(positive: str):
    codes, classes = encode_target(series(["bad", "good"]), Task.BINARY, positive)
    assert classes[1] == positive
    assert codes[["bad", "good"].index(positive)] == 1


def test_multiclass_codes_follow_the_order_of_the_classes():
    codes, classes = encode_target(series([30, 4, 100, 4]), Task.MULTICLASS)
    assert classes == (4, 30, 100)
    assert codes.tolist() == [1, 0, 2, 0]


@pytest.mark.parametrize("dtype", ["int64", "Int64", "float32"])
def test_numbers_of_a_regression_stay(dtype: str):
    values, classes = encode_target(series([1, 2, 3], dtype), Task.REGRESSION)
    assert classes == ()
    assert values.dtype == np.float64
    assert values.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("values", "task", "positive", "says"),
    [
        (series([]), Task.BINARY, None, "no rows: the target 'late' is empty"),
        (series([0, 0, 0]), Task.BINARY, None, "one class only: 0 in all 3 rows"),
        (series(["x", "x"]), Task.MULTICLASS, None, "one class only: 'x' in all 2 rows"),
        (series([1, None, 0, None]), Task.BINARY, None, r"null in 2 of 4 rows \(rows 1, 3"),
        (series([1.0, np.nan]), Task.REGRESSION, None, "null in 1 of 2 rows"),
        (series([0, 1, 2]), Task.BINARY, None, r"3 classes \(0, 1, 2\).*task: multiclass"),
        (series([0, 1]), Task.BINARY, 2, r"positive=2 is no class .*it has: 0, 1"),
        (series([0, 1]), Task.BINARY, "1", r"positive='1' is no class"),
        (series([0, 1, 2]), Task.MULTICLASS, 2, "only binary"),
        (series(list(range(1001))), Task.MULTICLASS, None, "1,001 different values.*regression"),
        (series(["1", "2"]), Task.REGRESSION, None, "needs numbers.*'1'"),
        (series([True, False]), Task.REGRESSION, None, "late' is bool"),
        (series([1.0, np.inf]), Task.REGRESSION, None, "infinite"),
        (series([pd.Timestamp(0), pd.Timestamp(1)]), Task.BINARY, None, "valid classes: text"),
    ],
)
def test_a_target_that_cannot_be_learned_is_refused(
    values: pd.Series, task: Task, positive: Any, says: str
):
    with pytest.raises(TrainingError, match=says):
        encode_target(values, task, positive)


def test_rows_of_a_holdout_are_encoded_by_the_classes_of_training():
    assert encode_known(series(["c", "a"]), Task.MULTICLASS, ("a", "b", "c")).tolist() == [2, 0]


def test_a_class_that_training_did_not_have_is_named():
    with pytest.raises(TrainingError, match=r"holds 'd', which the model does not know .*'a', 'b'"):
        encode_known(series(["a", "d"]), Task.BINARY, ("a", "b"))
