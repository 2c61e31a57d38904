"""Past rows as a sequence of what happened: predictions asked for, labels that came in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from ml_platform.exceptions import ReplayError
from ml_platform.replay.faults import AT, DUE, LABEL, Fault


@dataclass(frozen=True)
class Labels:
    """How labels come in.

    delay: from the event to its label, on average; some come up to twice as late.
    missing, wrong: shares that never come, and that tell another row's outcome.
    """

    delay: timedelta
    missing: float = 0.0
    wrong: float = 0.0


@dataclass(frozen=True)
class Step:
    """What happens until `now`: rows to predict, and rows whose label is delivered."""

    now: datetime
    asked: pd.DataFrame
    labeled: pd.DataFrame


class Timeline:
    """The rows of a source between two times, in the order of their event time.

    rows: with the columns of the source; event_time: naive UTC or with a zone.
    Raises ReplayError when no row lies in the time, or a fault is about a column there is not.
    """

    def __init__(
        self,
        rows: pd.DataFrame,
        *,
        event_time: str,
        target: str,
        begin: datetime,
        end: datetime,
        labels: Labels,
        faults: Sequence[Fault] = (),
        seed: int = 0,
    ) -> None:
        at = pd.to_datetime(rows[event_time], utc=True)
        within = (at >= begin) & (at < end)
        if not within.any():
            raise ReplayError(
                f"no row has its {event_time} from {begin:%Y-%m-%d} to {end:%Y-%m-%d}; the rows "
                f"are of {at.min():%Y-%m-%d} to {at.max():%Y-%m-%d}"
            )
        random = np.random.default_rng(seed)
        told = rows[within].assign(**{AT: at[within], LABEL: rows.loc[within, target]})
        told = told.sort_values(AT, kind="stable").reset_index(drop=True)
        self.begin, self.end = begin, end
        self.truth = told[target]
        told[DUE] = told[AT] + _delays(len(told), labels, random)
        self.rows = _with_faults(_with_wrong(told, labels, random), faults, random)

    def steps(self, every: timedelta) -> Iterator[Step]:
        """Yield what happens in each span of `every`; the last ones deliver labels only."""
        at = self.rows[AT].to_numpy("datetime64[us]")
        by_due = self.rows.sort_values(DUE, kind="stable").dropna(subset=[DUE])
        due = by_due[DUE].to_numpy("datetime64[us]")
        now, asked, told = self.begin, 0, 0
        while asked < len(at) or told < len(due):
            now += every
            moment = np.datetime64(now.astimezone(UTC).replace(tzinfo=None), "us")
            until, until_due = np.searchsorted(at, moment), np.searchsorted(due, moment)
            yield Step(now, self.rows.iloc[asked:until], by_due.iloc[told:until_due])
            asked, told = int(until), int(until_due)


def _delays(rows: int, labels: Labels, random: np.random.Generator) -> pd.Series:
    """Uniform from nothing to twice the mean; a missing label has no time."""
    delays = pd.Series(pd.to_timedelta(random.random(rows) * 2 * labels.delay.total_seconds(), "s"))
    return delays.mask(random.random(rows) < labels.missing)


def _with_wrong(rows: pd.DataFrame, labels: Labels, random: np.random.Generator) -> pd.DataFrame:
    wrong = random.random(len(rows)) < labels.wrong
    told = rows[LABEL].to_numpy(copy=True)
    told[wrong] = random.permutation(told)[wrong]
    return rows.assign(**{LABEL: told})


def _with_faults(
    rows: pd.DataFrame, faults: Sequence[Fault], random: np.random.Generator
) -> pd.DataFrame:
    for fault in faults:
        fault.check(rows.columns)
        within = (rows[AT] >= fault.begin) & (rows[AT] < fault.end)
        if within.any():
            changed = fault.put_into(rows[within], random)
            rows = pd.concat([rows[~within], changed]).sort_index()
    return rows
