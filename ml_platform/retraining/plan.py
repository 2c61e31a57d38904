"""Who trains now and who waits: one run a model, by priority, within the budgets."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from ml_platform.retraining.budget import Budget, TrainingRun
from ml_platform.retraining.triggers import Reason
from ml_platform.spec.retraining import RetrainingSpec


@dataclass(frozen=True)
class Wish:
    """A model that has reasons to be trained; gpu: whether its training would hold one."""

    model: str
    reasons: tuple[Reason, ...]
    spec: RetrainingSpec
    gpu: bool = False


@dataclass(frozen=True)
class Start:
    """Train now. run_key: the same for the same reasons, so that asking twice runs once."""

    wish: Wish

    @property
    def run_key(self) -> str:
        """The model and a hash of what its triggers fired on."""
        keys = sorted(f"{reason.trigger}={reason.key}" for reason in self.wish.reasons)
        return f"{self.wish.model}:retrain:{sha256('|'.join(keys).encode()).hexdigest()[:16]}"

    @property
    def why(self) -> str:
        """All reasons in one sentence."""
        return "; ".join(reason.text for reason in self.wish.reasons)


@dataclass(frozen=True)
class Wait:
    """Not now. because: what has to pass first."""

    wish: Wish
    because: str


def plan(
    wishes: Iterable[Wish], runs: Sequence[TrainingRun], *, budget: Budget, now: datetime
) -> list[Start | Wait]:
    """Decide for each model, the most urgent first; what starts counts for those after it.

    runs: what trained lately, of all models; budget: over all models.
    """
    spent = list(runs)
    decided: list[Start | Wait] = []
    for wish in sorted(wishes, key=lambda wish: (-wish.spec.priority, wish.model)):
        because = _obstacle(wish, spent, budget, now=now)
        decided.append(Wait(wish, because) if because else Start(wish))
        if not because:
            spent.append(TrainingRun(model=wish.model, run_id="", started=now, gpu=wish.gpu))
    return decided


def _obstacle(
    wish: Wish, runs: Sequence[TrainingRun], budget: Budget, *, now: datetime
) -> str | None:
    own = [run for run in runs if run.model == wish.model]
    if any(run.finished is None for run in own):
        return "it is being trained already"
    latest = max((run.started for run in own), default=None)
    if latest is not None and now < latest + wish.spec.cooldown:
        free = (latest + wish.spec.cooldown).isoformat(timespec="minutes")
        return (
            f"it was trained at {latest.isoformat(timespec='minutes')}; cooling down until {free}"
        )
    for whose, limits, counted in (
        ("its own budget", _own_budget(wish), own),
        ("the budget of all models", budget, runs),
    ):
        spent = limits.exceeded_by(counted, now=now)
        if spent is not None:
            return f"{whose}: {spent}"
    return None


def _own_budget(wish: Wish) -> Budget:
    budget = Budget.of(wish.spec)
    return budget if wish.gpu else budget.model_copy(update={"gpu_hours": None})
