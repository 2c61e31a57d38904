"""How much training is allowed in a day, and how much of it is spent."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from pydantic import AwareDatetime, Field

from ml_platform.plugins import Strict

DAY = timedelta(days=1)

RECENT = "retraining/recent_runs.json"
"""Handle: `RecentRuns`, as the last tick of the retraining sensor found them."""


class TrainingRun(Strict):
    """A run that trained, or still trains; gpu: whether it held one."""

    model: str
    run_id: str
    started: AwareDatetime
    finished: AwareDatetime | None = None
    gpu: bool = False

    def hours(self, *, now: datetime) -> float:
        """Hours it has taken within the last 24."""
        begun = max(self.started, now - DAY)
        return max(((self.finished or now) - begun).total_seconds(), 0.0) / 3600


class RecentRuns(Strict):
    """The runs of which any part lay in the 24 hours before they were written down, at `at`."""

    at: AwareDatetime
    runs: tuple[TrainingRun, ...] = ()


@dataclass(frozen=True)
class Spent:
    """What runs took of the last 24 hours."""

    runs: int
    hours: float
    gpu_hours: float

    @classmethod
    def of(cls, runs: Iterable[TrainingRun], *, now: datetime) -> "Spent":
        """Sum up the runs."""
        today = recent(runs, now=now)
        hours = [run.hours(now=now) for run in today]
        on_gpu = (each for run, each in zip(today, hours, strict=True) if run.gpu)
        return cls(len(today), sum(hours), sum(on_gpu))

    def with_start(self) -> "Spent":
        """The same, and a run that begins now."""
        return replace(self, runs=self.runs + 1)


class Limits(Protocol):
    """What declares a budget: the settings for all models, `retraining` for one."""

    @property
    def max_runs_per_day(self) -> int | None:
        """Runs in any 24 hours."""
        ...

    @property
    def max_hours_per_day(self) -> float | None:
        """Wall-clock hours of runs."""
        ...

    @property
    def max_gpu_hours_per_day(self) -> float | None:
        """The same of runs that hold a GPU."""
        ...


class Budget(Strict):
    """What may be spent in any 24 hours; None is no limit."""

    runs: int | None = Field(default=None, gt=0)
    hours: float | None = Field(default=None, gt=0)
    gpu_hours: float | None = Field(default=None, gt=0)

    @classmethod
    def of(cls, declared: Limits) -> "Budget":
        """The budget that is declared."""
        return cls(
            runs=declared.max_runs_per_day,
            hours=declared.max_hours_per_day,
            gpu_hours=declared.max_gpu_hours_per_day,
        )

    def exceeded_by(self, spent: Spent) -> str | None:
        """Say what is spent; None when one more run may start."""
        for used, limit, share in self._shares(spent):
            if used >= limit:
                return f"{share} in 24 hours are spent"
        return None

    def told(self, spent: Spent) -> str:
        """Say how much of each limit is spent, for people; "" where there is none."""
        shares = [share for _, _, share in self._shares(spent)]
        return f"{', '.join(shares)} spent in 24 hours" if shares else ""

    def _shares(self, spent: Spent) -> Iterator[tuple[float, float, str]]:
        """What is used of each limit, the limit, and both for people."""
        if self.runs is not None:
            yield spent.runs, self.runs, f"{spent.runs} of {self.runs} runs"
        if self.hours is not None:
            yield spent.hours, self.hours, f"{spent.hours:.2f} of {self.hours:g} hours"
        if self.gpu_hours is not None:
            used, limit = spent.gpu_hours, self.gpu_hours
            yield used, limit, f"{used:.2f} of {limit:g} GPU hours"


def recent(runs: Iterable[TrainingRun], *, now: datetime) -> Sequence[TrainingRun]:
    """Return the runs of which any part lies in the last 24 hours."""
    return [run for run in runs if (run.finished or now) > now - DAY]
