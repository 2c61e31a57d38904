"""Faults, as they are written on the command line and as they change rows."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from ml_platform.exceptions import ReplayError
from ml_platform.replay.faults import (
    DUE,
    LABEL,
    LabelDelay,
    PoisonedCandidate,
    UnitChange,
    parse_fault,
)

RANDOM = np.random.default_rng(0)
DUES = pd.to_datetime(["2013-06-02"] * 4, utc=True)
ROWS = pd.DataFrame(
    {"distance": [100, 200, 300, 401], "delay": [1.5, 2, 3, 4], "carrier": list("UABU")}
).assign(**{LABEL: [0, 1, 0, 1], DUE: DUES})


def put(text: str, rows: pd.DataFrame = ROWS) -> pd.DataFrame:
    return parse_fault(f"{text}@2013-06-01..2013-06-08").put_into(rows, np.random.default_rng(0))


def test_a_fault_says_what_and_when() -> None:
    fault = parse_fault("unit:distance:1.609@2013-06-01..2013-06-08T12:00")
    assert isinstance(fault, UnitChange)
    assert (fault.column, fault.factor) == ("distance", 1.609)
    assert fault.begin == datetime(2013, 6, 1, tzinfo=UTC)
    assert fault.end == datetime(2013, 6, 8, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["", "unit", "unit:a:b@2013-01-01..2013-02-01", "unit:a:2", "unit:a:2@2013-01-01",
     "burn:a@2013-01-01..2013-02-01", "delay:soon@2013-01-01..2013-02-01",
     "flip:1:2@2013-01-01..2013-02-01"],
)  # fmt: skip
def test_what_is_no_fault_is_told_what_would_be(text: str) -> None:
    with pytest.raises(ReplayError, match="unit:COLUMN:FACTOR, rename:"):
        parse_fault(text)


def test_a_column_that_is_not_there_is_told() -> None:
    with pytest.raises(
        ReplayError, match="no column 'speed' \\(valid: distance, delay, carrier\\)"
    ):
        parse_fault("nulls:speed:0.5@2013-01-01..2013-02-01").check(ROWS.columns)


def test_unit_change_scales_and_keeps_whole_numbers_whole() -> None:
    assert put("unit:distance:1.609")["distance"].tolist() == [161, 322, 483, 645]
    assert put("unit:delay:60")["delay"].tolist() == [90.0, 120.0, 180.0, 240.0]


def test_rename_touches_one_value() -> None:
    assert put("rename:carrier:U:United")["carrier"].tolist() == ["United", "A", "B", "United"]


def test_nulls_empty_about_the_share() -> None:
    many = pd.concat([ROWS] * 500, ignore_index=True)
    assert put("nulls:delay:0.3", many)["delay"].isna().mean() == pytest.approx(0.3, abs=0.03)


def test_all_labels_flipped_are_each_the_other() -> None:
    assert put("flip:1")[LABEL].tolist() == [1, 0, 1, 0]
    assert put("flip:0")[LABEL].tolist() == [0, 1, 0, 1]


def test_late_labels_are_put_off() -> None:
    fault = parse_fault("delay:5d@2013-06-01..2013-06-08")
    assert isinstance(fault, LabelDelay)
    assert (put("delay:5d")[DUE] == DUES + timedelta(days=5)).all()


@pytest.mark.parametrize("text", ["unit:distance:2", "rename:carrier:U:X", "flip:1", "delay:1d"])
def test_the_rows_given_stay_as_they_were(text: str) -> None:
    before = ROWS.copy(deep=True)
    put(text)
    pd.testing.assert_frame_equal(ROWS, before)


def test_a_poisoned_candidate_leaves_production_alone_and_spoils_the_source() -> None:
    fault = parse_fault("poison:1@2013-06-01..2013-06-08")
    assert isinstance(fault, PoisonedCandidate)
    pd.testing.assert_frame_equal(put(fault.text.partition("@")[0]), ROWS)
    spoiled = fault.poison(pd.Series([True, False, True]), np.random.default_rng(0))
    assert spoiled.tolist() == [False, True, False]
    assert spoiled.dtype == bool


@pytest.mark.parametrize(
    ("text", "check", "subjects", "shows"),
    [
        ("unit:distance:2", "input_drift", ("distance",), True),
        ("unit:distance:2", "input_drift", ("delay",), False),
        ("rename:carrier:U:X", "refusals", (), True),
        ("nulls:delay:0.5", "data_quality", ("carrier", "delay"), True),
        ("flip:1", "live_quality", (), True),
        ("flip:1", "input_drift", ("distance",), False),
        ("delay:1d", "labels_in_time", (), True),
        ("poison:1", "input_drift", ("distance",), False),
    ],
)
def test_a_finding_is_about_the_fault_whose_column_or_labels_it_names(
    text: str, check: str, subjects: tuple[str, ...], shows: bool
) -> None:
    fault = parse_fault(f"{text}@2013-06-01..2013-06-08")
    assert fault.shows_in(check, subjects) is shows


@pytest.mark.parametrize(
    ("text", "later"),
    [("flip:0.3", True), ("delay:4d", True), ("unit:distance:2", False), ("poison:1", False)],
)
def test_only_a_fault_of_labels_may_show_long_after_its_end(text: str, later: bool) -> None:
    assert parse_fault(f"{text}@2013-06-01..2013-06-08").of_labels is later
