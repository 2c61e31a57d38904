"""Train on the past, judge on what came later."""

from datetime import timedelta
from typing import Any, Literal

import numpy as np
import pandas as pd

from ml_platform.data.duration import Duration
from ml_platform.data.splits.splitter import SPLITTERS, Split, Splitter
from ml_platform.exceptions import SplitError


@SPLITTERS.register
class TimeOrdered(Splitter):
    """The latest rows are the holdout; rows of one moment are never divided.

    holdout: fraction of rows in the holdout.
    gap: rows this close before the holdout are in neither, so that labels that came late, or
        features over a window, do not reach into it.
    """

    type: Literal["time_ordered"] = "time_ordered"
    gap: Duration = timedelta(0)

    def reads(self, *, target: str, event_time: str | None) -> tuple[str, ...] | None:
        """The columns that decide."""
        return () if event_time is None else (event_time,)

    def split(self, frame: pd.DataFrame, *, target: str, event_time: str | None) -> Split:
        """Divide by `event_time`; the order of rows does not matter."""
        times = _times(frame, event_time)
        count = max(1, round(len(times) * self.holdout))
        start = np.partition(times, len(times) - count)[len(times) - count]
        if (times >= start).all():
            start = times[times > start].min(initial=np.iinfo(np.int64).max)
        gap = self.gap // timedelta(microseconds=1) * 1000
        train = np.flatnonzero(times < start - gap)
        holdout = np.flatnonzero(times >= start)
        if not len(train) or not len(holdout):
            raise SplitError(
                f"no rows are left for {'training' if len(holdout) else 'the holdout'}: "
                f"{event_time!r} runs from {_moment(times.min())} to {_moment(times.max())}, "
                f"holdout {self.holdout:g}, gap {self.gap}"
            )
        return Split(train=train, holdout=holdout)


def _times(frame: pd.DataFrame, event_time: str | None) -> "np.ndarray[Any, np.dtype[np.int64]]":
    """Return nanoseconds since 1970 of each row."""
    if event_time is None:
        raise SplitError("the split time_ordered needs data.event_time")
    if event_time not in frame.columns:
        raise SplitError(f"there is no column {event_time!r} (columns: {', '.join(frame.columns)})")
    times = frame[event_time]
    if times.dtype.kind != "M":
        raise SplitError(f"column {event_time!r} is {times.dtype}, not a datetime")
    if times.isna().any():
        raise SplitError(f"column {event_time!r} has {int(times.isna().sum())} missing times")
    if times.empty:
        raise SplitError("there are no rows to split")
    zone = getattr(times.dtype, "tz", None)
    naive = times if zone is None else times.dt.tz_convert("UTC").dt.tz_localize(None)
    return naive.to_numpy().astype("datetime64[ns]").view(np.int64)


def _moment(nanoseconds: np.int64) -> str:
    return str(pd.Timestamp(int(nanoseconds)))
