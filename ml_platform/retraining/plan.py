"""Who trains now and who waits: one run a model, by priority, within the budgets."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from pydantic import JsonValue

from ml_platform.retraining.budget import Budget, Spent, TrainingRun
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

    @property
    def evidence(self) -> dict[str, JsonValue]:
        """The figures behind the reasons, by trigger; JSON-ready."""
        return {reason.trigger.value: reason.evidence for reason in self.wish.reasons}


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
    spent = Spent.of(runs, now=now)
    trained: dict[str, list[TrainingRun]] = {}
    for run in runs:
        trained.setdefault(run.model, []).append(run)
    decided: list[Start | Wait] = []
    for wish in sorted(wishes, key=lambda wish: (-wish.spec.priority, wish.model)):
        because = _own_obstacle(wish, trained.get(wish.model, []), now=now)
        exceeded = _binding(budget, wish).exceeded_by(spent)
        if because is None and exceeded is not None:
            because = f"the budget of all models: {exceeded}"
        decided.append(Wait(wish, because) if because else Start(wish))
        spent = spent if because else spent.with_start()
    return decided


def _own_obstacle(wish: Wish, own: Sequence[TrainingRun], *, now: datetime) -> str | None:
    """What keeps a model back by its own runs."""
    if any(run.finished is None for run in own):
        return "it is being trained already"
    latest = max((run.started for run in own), default=None)
    if latest is not None and now < latest + wish.spec.cooldown:
        free = (latest + wish.spec.cooldown).isoformat(timespec="minutes")
        return (
            f"it was trained at {latest.isoformat(timespec='minutes')}; cooling down until {free}"
        )
    exceeded = _binding(Budget.of(wish.spec), wish).exceeded_by(Spent.of(own, now=now))
    return None if exceeded is None else f"its own budget: {exceeded}"


def _binding(budget: Budget, wish: Wish) -> Budget:
    """What of a budget binds a model: GPU hours only one that needs a GPU."""
    return budget if wish.gpu else budget.model_copy(update={"gpu_hours": None})
