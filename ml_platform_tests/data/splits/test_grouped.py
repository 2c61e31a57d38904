import numpy as np
import pandas as pd
import pytest

from ml_platform.data.splits.grouped import Grouped
from ml_platform.exceptions import SplitError


def test_no_group_is_on_both_sides():
    frame = pd.DataFrame({"g": np.random.default_rng(0).integers(0, 30, 500).astype(str)})
    split = Grouped(group="g").split(frame, target="y", event_time=None)
    assert not set(frame["g"].iloc[split.train]) & set(frame["g"].iloc[split.holdout])
    assert 0.15 < len(split.holdout) / len(frame) < 0.25


def test_order_of_rows_does_not_change_which_groups_are_held_out():
    frame = pd.DataFrame({"g": ["a", "b", "c", "d", "e"] * 4})
    held = frame["g"].iloc[Grouped(group="g").split(frame, target="y", event_time=None).holdout]
    turned = frame.iloc[::-1].reset_index(drop=True)
    other = turned["g"].iloc[Grouped(group="g").split(turned, target="y", event_time=None).holdout]
    assert set(held) == set(other)


@pytest.mark.parametrize(
    ("values", "words"),
    [(["a", "a"], "has 1 groups; at least 2"), (["a", None], "1 rows have no 'g'")],
)
def test_rows_that_cannot_be_grouped_are_refused(values: list[str | None], words: str):
    with pytest.raises(SplitError, match=words):
        Grouped(group="g").split(pd.DataFrame({"g": values}), target="y", event_time=None)


def test_missing_column_is_named():
    with pytest.raises(SplitError, match=r"no column 'h' \(columns: g\)"):
        Grouped(group="h").split(pd.DataFrame({"g": [1]}), target="y", event_time=None)
