"""The order in which a replay lets things happen."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from ml_platform.exceptions import ReplayError
from ml_platform.replay.faults import AT, DUE, LABEL, parse_fault
from ml_platform.replay.timeline import Labels, Timeline

HOURS = 24 * 20
BEGIN, END = datetime(2013, 4, 1, tzinfo=UTC), datetime(2013, 4, 11, tzinfo=UTC)
DAY = timedelta(days=1)
ROWS = pd.DataFrame(
    {
        "when": pd.date_range("2013-03-27", periods=HOURS, freq="h")[::-1],
        "x": np.arange(HOURS),
        "y": np.arange(HOURS) % 2,
    }
)


IN_A_DAY = Labels(DAY)


def timeline(labels: Labels = IN_A_DAY, *faults: str) -> Timeline:
    return Timeline(
        ROWS,
        event_time="when",
        target="y",
        begin=BEGIN,
        end=END,
        labels=labels,
        faults=[parse_fault(text) for text in faults],
    )


def test_every_row_of_the_time_is_asked_once_in_its_order() -> None:
    asked = pd.concat([step.asked for step in timeline().steps(DAY)])
    assert len(asked) == 240
    assert asked[AT].is_monotonic_increasing
    assert asked[AT].min() == pd.Timestamp(BEGIN)
    assert asked[AT].max() < pd.Timestamp(END)


def test_nothing_happens_before_its_time() -> None:
    for step in timeline().steps(timedelta(hours=6)):
        assert (step.asked[AT] < step.now).all()
        assert (step.labeled[DUE] < step.now).all()
        assert (step.labeled[AT] <= step.labeled[DUE]).all()


def test_all_labels_come_though_some_after_the_end() -> None:
    steps = list(timeline().steps(DAY))
    assert sum(len(step.labeled) for step in steps) == 240
    assert steps[-1].now > END
    assert len(steps[-1].asked) == 0


def test_missing_labels_never_come() -> None:
    told = sum(len(s.labeled) for s in timeline(Labels(DAY, missing=0.25)).steps(DAY))
    assert told == pytest.approx(180, abs=25)


def test_wrong_labels_differ_from_the_truth() -> None:
    line = timeline(Labels(DAY, wrong=1.0))
    assert (line.rows[LABEL] != line.truth).mean() == pytest.approx(0.5, abs=0.1)
    assert (timeline().rows[LABEL] == line.truth).all()


def test_a_fault_is_confined_to_its_time() -> None:
    line = timeline(IN_A_DAY, "unit:x:0@2013-04-03..2013-04-05")
    within = (line.rows[AT] >= pd.Timestamp("2013-04-03", tz=UTC)) & (
        line.rows[AT] < pd.Timestamp("2013-04-05", tz=UTC)
    )
    assert within.sum() == 48
    assert (line.rows["x"] == 0).equals(within)


def test_the_same_seed_gives_the_same_replay() -> None:
    pd.testing.assert_frame_equal(timeline().rows, timeline().rows)


def test_an_empty_time_is_told_with_what_there_is() -> None:
    with pytest.raises(ReplayError, match="the rows are of 2013-03-27 to 2013-04-15"):
        Timeline(
            ROWS, event_time="when", target="y", begin=END + 30 * DAY, end=END + 31 * DAY,
            labels=Labels(DAY),
        )  # fmt: skip
