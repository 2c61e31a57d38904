from datetime import UTC, datetime, timedelta

import pytest

from ml_platform.feedback.maturity import (
    judged_windows,
    matured_span,
    measured_delay,
    window_start,
)
from ml_platform.spec.feedback import FeedbackSpec

SPEC = FeedbackSpec.model_validate({"label_delay": "2d", "window": "7d", "min_labeled": 0.6})
MONDAY = datetime(2024, 1, 1, tzinfo=UTC)
WEEK = timedelta(days=7)


def states(now: datetime, labeled: int = 80) -> list[str]:
    counts = {MONDAY + WEEK * k: (100, labeled) for k in range(3)}
    return [window.state for window in judged_windows(counts, SPEC, now=now)]


def test_weeks_begin_on_mondays():
    assert window_start(MONDAY + timedelta(days=6, hours=23), WEEK) == MONDAY
    assert window_start(MONDAY + WEEK, WEEK) == MONDAY + WEEK


def test_a_window_matures_when_its_delay_has_passed():
    assert states(MONDAY + timedelta(days=20)) == ["matured", "matured", "open"]
    assert states(MONDAY + timedelta(days=22)) == ["matured", "matured", "maturing"]
    assert states(MONDAY + timedelta(days=23)) == ["matured"] * 3


def test_a_window_with_too_few_labels_is_short_whatever_its_age():
    assert states(MONDAY + timedelta(days=300), labeled=59) == ["short"] * 3


def test_the_latest_matured_windows_are_one_span():
    counts = {MONDAY + WEEK * k: (100, 10 if k == 3 else 90) for k in range(4)}
    windows = judged_windows(counts, SPEC, now=MONDAY + 50 * WEEK)
    assert matured_span(windows, most=2) == (MONDAY + WEEK, MONDAY + 3 * WEEK)
    assert matured_span((), most=2) is None


@pytest.mark.parametrize(
    ("late", "hours", "rows", "said"),
    [
        (
            0.3,
            (40, 60),
            1000,
            "too short: 30% of the labels take longer, 90 % are there within 1d16h",
        ),
        (0.0, (5, 6), 1000, "longer than needed: 99 % of the labels are there within 6h"),
        (0.02, (30, 50), 1000, None),
        (0.3, (40, 60), 50, None),
    ],
)
def test_a_declared_delay_that_proves_wrong_is_said(
    late: float, hours: tuple[float, float], rows: int, said: str | None
):
    delay = measured_delay(
        declared=SPEC.label_delay,
        rows=rows,
        quantiles={0.5: 3600.0, 0.9: hours[0] * 3600.0, 0.99: hours[1] * 3600.0},
        arrival={},
        late=late,
    )
    assert (said is None) == (delay.finding is None)
    assert said is None or said in str(delay.finding)
