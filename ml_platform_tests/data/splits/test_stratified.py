import numpy as np
import pandas as pd
import pytest

from ml_platform.data.splits.stratified import Stratified
from ml_platform.exceptions import SplitError


def test_each_class_has_the_same_fraction_in_the_holdout():
    frame = pd.DataFrame({"y": ["a"] * 100 + ["b"] * 10 + ["c"] * 50})
    split = Stratified(holdout=0.2).split(frame, target="y", event_time=None)
    counts = frame["y"].iloc[split.holdout].value_counts()
    assert counts.to_dict() == {"a": 20, "b": 2, "c": 10}


def test_no_class_is_lost_to_training():
    frame = pd.DataFrame({"y": ["a"] * 50 + [str(number) for number in range(20)]})
    split = Stratified(holdout=0.5).split(frame, target="y", event_time=None)
    assert set(frame["y"].iloc[split.train]) == set(frame["y"])


def test_missing_values_are_a_class_of_their_own():
    frame = pd.DataFrame({"y": ["a", None] * 50})
    split = Stratified().split(frame, target="y", event_time=None)
    assert frame["y"].iloc[split.holdout].isna().sum() == 10


def test_column_of_its_own_decides():
    frame = pd.DataFrame({"y": np.arange(40.0), "region": ["n", "s"] * 20})
    split = Stratified(column="region").split(frame, target="y", event_time=None)
    assert frame["region"].iloc[split.holdout].value_counts().to_dict() == {"n": 4, "s": 4}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.arange(40.0), "too many to be classes; use the split random"),
        ([1], "1 rows cannot be split"),
    ],
)
def test_rows_that_have_no_classes_are_refused(values: object, words: str):
    with pytest.raises(SplitError, match=words):
        Stratified().split(pd.DataFrame({"y": values}), target="y", event_time=None)


def test_missing_column_is_named():
    with pytest.raises(SplitError, match=r"no column 'z' \(columns: y\)"):
        Stratified(column="z").split(pd.DataFrame({"y": [1]}), target="y", event_time=None)
