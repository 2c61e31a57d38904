import pandas as pd
import pytest

from ml_platform.data.splits.time_ordered import TimeOrdered
from ml_platform.exceptions import SplitError


def frame(days: list[int]) -> pd.DataFrame:
    return pd.DataFrame({"t": pd.Timestamp("2013-01-01") + pd.to_timedelta(days, unit="D")})


def test_holdout_is_what_came_last_whatever_the_order_of_rows():
    split = TimeOrdered(holdout=0.4).split(frame([5, 1, 4, 2, 3]), target="y", event_time="t")
    assert split.holdout.tolist() == [0, 2]
    assert split.train.tolist() == [1, 3, 4]


def test_rows_of_one_moment_are_not_divided():
    split = TimeOrdered(holdout=0.2).split(frame([1, 2, 3, 3, 3]), target="y", event_time="t")
    assert split.train.tolist() == [0, 1]
    assert split.holdout.tolist() == [2, 3, 4]


def test_rows_inside_the_gap_are_in_neither():
    splitter = TimeOrdered.model_validate({"holdout": 0.25, "gap": "2d"})
    split = splitter.split(frame([1, 2, 3, 4]), target="y", event_time="t")
    assert split.holdout.tolist() == [3]
    assert split.train.tolist() == [0]


def test_first_moment_shared_by_most_rows_is_training():
    split = TimeOrdered(holdout=0.5).split(frame([1, 1, 1, 2]), target="y", event_time="t")
    assert split.train.tolist() == [0, 1, 2]
    assert split.holdout.tolist() == [3]


@pytest.mark.parametrize("unit", ["s", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "America/New_York"])
def test_unit_and_zone_do_not_matter(unit: str, zone: str | None):
    times = frame([1, 2, 3, 4, 5])["t"].dt.as_unit(unit).dt.tz_localize(zone)
    split = TimeOrdered().split(pd.DataFrame({"t": times}), target="y", event_time="t")
    assert split.holdout.tolist() == [4]


@pytest.mark.parametrize(
    ("rows", "event_time", "words"),
    [
        (frame([1, 2]), None, "needs data.event_time"),
        (frame([1, 2]), "when", "no column 'when' (columns: t)"),
        (pd.DataFrame({"t": ["2013-01-01"]}), "t", "not a datetime"),
        (pd.DataFrame({"t": pd.to_datetime(["2013-01-01", None])}), "t", "1 missing times"),
        (frame([1, 1, 1]), "t", "no rows are left for the holdout"),
        (frame([1]), "t", "no rows are left"),
    ],
)
def test_rows_that_cannot_be_ordered_are_refused(
    rows: pd.DataFrame, event_time: str | None, words: str
):
    with pytest.raises(SplitError) as caught:
        TimeOrdered().split(rows, target="y", event_time=event_time)
    assert words in str(caught.value)


def test_gap_that_takes_all_training_rows_is_refused():
    splitter = TimeOrdered.model_validate({"gap": "30d"})
    with pytest.raises(SplitError, match=r"no rows are left for training: .*2013-01-02"):
        splitter.split(frame([1, 2, 3]), target="y", event_time="t")
