"""How much training is allowed in a day, and how much of it is spent."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from pydantic import AwareDatetime, Field

from ml_platform.plugins import Strict

DAY = timedelta(days=1)

SPENT = "retraining/spent.json"
"""Handle: the runs that count, as the last tick of the retraining sensor found them."""


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


class Spent(Strict):
    """The runs of which any part lay in the 24 hours before they were written down."""

    runs: tuple[TrainingRun, ...] = ()


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

    def exceeded_by(self, runs: Iterable[TrainingRun], *, now: datetime) -> str | None:
        """Say what is spent; None when one more run may start."""
        spent = _spent(runs, now=now)
        for what, limit in self._limits.items():
            if spent[what] >= limit:
                return f"{_share(spent[what], limit, what)} in 24 hours are spent"
        return None

    def told(self, runs: Iterable[TrainingRun], *, now: datetime) -> str:
        """Say how much of each limit is spent, for people; "" where there is none."""
        spent = _spent(runs, now=now)
        shares = [_share(spent[what], limit, what) for what, limit in self._limits.items()]
        return f"{', '.join(shares)} spent in 24 hours" if shares else ""

    @property
    def _limits(self) -> Mapping[str, float]:
        limits = {"runs": self.runs, "hours": self.hours, "GPU hours": self.gpu_hours}
        return {what: limit for what, limit in limits.items() if limit is not None}


def _spent(runs: Iterable[TrainingRun], *, now: datetime) -> dict[str, float]:
    today = recent(runs, now=now)
    return {
        "runs": len(today),
        "hours": sum(run.hours(now=now) for run in today),
        "GPU hours": sum(run.hours(now=now) for run in today if run.gpu),
    }


def _share(spent: float, limit: float, what: str) -> str:
    shown = f"{spent:g}" if what == "runs" else f"{spent:.2f}"
    return f"{shown} of {limit:g} {what}"


def recent(runs: Iterable[TrainingRun], *, now: datetime) -> Sequence[TrainingRun]:
    """Return the runs of which any part lies in the last 24 hours."""
    return [run for run in runs if (run.finished or now) > now - DAY]
