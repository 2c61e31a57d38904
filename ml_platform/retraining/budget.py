"""How much training is allowed in a day, and how much of it is spent."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from pydantic import AwareDatetime, Field

from ml_platform.plugins import Strict

DAY = timedelta(days=1)


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


class Budget(Strict):
    """What may be spent in any 24 hours; None is no limit."""

    runs: int | None = Field(default=None, gt=0)
    hours: float | None = Field(default=None, gt=0)
    gpu_hours: float | None = Field(default=None, gt=0)

    def exceeded_by(self, runs: Iterable[TrainingRun], *, now: datetime) -> str | None:
        """Say what is spent; None when one more run may start."""
        today = recent(runs, now=now)
        spent = {
            "hours": sum(run.hours(now=now) for run in today),
            "GPU hours": sum(run.hours(now=now) for run in today if run.gpu),
        }
        if self.runs is not None and len(today) >= self.runs:
            return f"{len(today)} of {self.runs} runs in 24 hours are spent"
        for name, limit in (("hours", self.hours), ("GPU hours", self.gpu_hours)):
            if limit is not None and spent[name] >= limit:
                return f"{spent[name]:.2f} of {limit:g} {name} in 24 hours are spent"
        return None


def recent(runs: Iterable[TrainingRun], *, now: datetime) -> Sequence[TrainingRun]:
    """Return the runs of which any part lies in the last 24 hours."""
    return [run for run in runs if (run.finished or now) > now - DAY]
