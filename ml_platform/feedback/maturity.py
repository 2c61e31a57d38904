"""When predictions may be judged: their labels have had time to come, and enough of them came."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

from ml_platform.data.duration import format_duration
from ml_platform.plugins import Strict
from ml_platform.spec.feedback import FeedbackSpec

FIRST_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
"""Windows are counted from here, so that weeks begin on Mondays, UTC."""

LEVELS = (0.5, 0.9, 0.99)
"""The quantiles of the delay that are reported."""

WRONG_SHARE = 0.1
"""A declared delay is wrong when more than this share of labels takes longer."""

_MUCH_LONGER = 4
_FEWEST = 100

State = Literal["open", "maturing", "matured", "short"]
"""open: predictions still come. maturing: the delay has not passed. matured: it may be judged.
short: the delay has passed, and too few are labeled."""


class Window(Strict):
    """Some time's predictions, and how many of them have a label."""

    start: datetime
    end: datetime
    matures_at: datetime
    predicted: int
    labeled: int
    state: State

    @property
    def share(self) -> float:
        """Of its predictions, those labeled."""
        return self.labeled / self.predicted if self.predicted else 0.0


class LabelDelay(Strict):
    """How long labels take from the prediction on, in seconds.

    rows: labels measured; predictions so young that slow labels cannot be there are left out.
    quantiles: of the time to the outcome, by level. arrival: of the time from the outcome to its
    coming here. late: share of outcomes later than declared. finding: what is wrong with the
    declared delay, for people; None where nothing is, or too little is known.
    """

    declared: timedelta
    rows: int
    quantiles: dict[float, float]
    arrival: dict[float, float]
    late: float | None
    finding: str | None = None


def window_start(moment: datetime, length: timedelta) -> datetime:
    """The start of the window that a moment lies in.

    >>> window_start(datetime(2013, 4, 3, 15, tzinfo=UTC), timedelta(days=7)).isoformat()
    '2013-04-01T00:00:00+00:00'
    """
    return FIRST_MONDAY + (moment - FIRST_MONDAY) // length * length


def judged_windows(
    counts: Mapping[datetime, tuple[int, int]], spec: FeedbackSpec, *, now: datetime
) -> tuple[Window, ...]:
    """Say of each window whether it may be judged, in the order of time.

    counts: predicted and labeled by the start of the window.
    """
    return tuple(_window(start, *counts[start], spec=spec, now=now) for start in sorted(counts))


def matured_span(windows: tuple[Window, ...], *, most: int) -> tuple[datetime, datetime] | None:
    """From when to when the latest matured windows reach; None where none is matured."""
    found = [window for window in windows if window.state == "matured"][-most:]
    return (found[0].start, found[-1].end) if found else None


def measured_delay(
    *,
    declared: timedelta,
    rows: int,
    quantiles: Mapping[float, float],
    arrival: Mapping[float, float],
    late: float | None,
) -> LabelDelay:
    """Hold the declared delay against the measured one."""
    finding = None
    if rows >= _FEWEST and late is not None:
        finding = _finding(declared, quantiles, late)
    return LabelDelay(
        declared=declared,
        rows=rows,
        quantiles=dict(quantiles),
        arrival=dict(arrival),
        late=late,
        finding=finding,
    )


def _window(
    start: datetime, predicted: int, labeled: int, *, spec: FeedbackSpec, now: datetime
) -> Window:
    end = start + spec.window
    matures_at = end + spec.label_delay
    state: State = "open" if now < end else "maturing"
    if now >= matures_at:
        enough = labeled > 0 and labeled >= spec.min_labeled * predicted
        state = "matured" if enough else "short"
    return Window(
        start=start,
        end=end,
        matures_at=matures_at,
        predicted=predicted,
        labeled=labeled,
        state=state,
    )


def _finding(declared: timedelta, quantiles: Mapping[float, float], late: float) -> str | None:
    low, high = quantiles[0.9], quantiles[0.99]
    if late > WRONG_SHARE:
        return (
            f"label_delay {format_duration(declared)} is too short: {late:.0%} of the labels take "
            f"longer, 90 % are there within {_span(low)}, 99 % within {_span(high)}"
        )
    if high * _MUCH_LONGER < declared.total_seconds():
        return (
            f"label_delay {format_duration(declared)} is longer than needed: 99 % of the labels "
            f"are there within {_span(high)}"
        )
    return None


def _span(seconds: float) -> str:
    """Seconds as a duration that could be declared, rounded up to its second unit."""
    for unit in (86_400, 3_600, 60):
        if seconds >= unit:
            step = unit // 24 if unit == 86_400 else unit // 60
            return format_duration(timedelta(seconds=-(-seconds // step) * step))
    return format_duration(timedelta(seconds=-(-seconds // 1)))
