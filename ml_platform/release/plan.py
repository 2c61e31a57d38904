"""The way of a release: the steps that a declaration asks for, in their order."""

from enum import StrEnum

from pydantic import Field

from ml_platform.plugins import Strict
from ml_platform.spec.release import ReleaseSpec


class Stage(StrEnum):
    """Where a candidate is on its way.

    none: there is no candidate.
    approval, final_approval: it waits for a person, before the first step or before the last.
    shadow: it scores what the champion answers, and nobody sees it.
    canary, ramp: it answers a share of the keys, and goes on when the evidence says so.
    ab_test: it answers a share of the keys until the metric tells which version is better.
    """

    NONE = "none"
    APPROVAL = "approval"
    SHADOW = "shadow"
    CANARY = "canary"
    RAMP = "ramp"
    AB_TEST = "ab_test"
    FINAL_APPROVAL = "final_approval"

    @property
    def waits(self) -> bool:
        """Whether only a person can take the candidate further."""
        return self in (Stage.APPROVAL, Stage.FINAL_APPROVAL)


class Step(Strict):
    """One step of the way.

    percent: share of the keys that the candidate answers, 0 to 100.
    min_predictions: of the candidate at this step, before it goes on.
    min_agreement: shadow: least share of predictions that are those of the champion.
    """

    stage: Stage
    percent: float = Field(default=0.0, ge=0, le=100)
    min_predictions: int = 0
    min_agreement: float = 0.0


class Plan(Strict):
    """The steps of a release and what ends it; fixed when the release is opened.

    After the last step the candidate becomes champion.
    max_error_increase, max_latency_increase: relative rise that takes the candidate back.
    metric, min_effect, promote_winner: of an A/B test.
    automatic: whether evidence moves the release; else each step waits for a person.
    """

    steps: tuple[Step, ...] = Field(min_length=1)
    max_error_increase: float = 0.2
    max_latency_increase: float = 0.5
    metric: str | None = None
    min_effect: float = 0.0
    promote_winner: bool = False
    automatic: bool = True


def plan_of(spec: ReleaseSpec) -> Plan | None:
    """Return the way that a declaration asks for; None where a version is champion at once."""
    steps = _steps(spec)
    if spec.type == "direct" or not steps:
        return None
    return Plan(
        steps=steps,
        max_error_increase=spec.max_error_increase,
        max_latency_increase=spec.max_latency_increase,
        metric=spec.metric,
        min_effect=spec.min_effect,
        promote_winner=spec.promote_winner,
        automatic=spec.automatic,
    )


def _steps(spec: ReleaseSpec) -> tuple[Step, ...]:
    steps: list[Step] = []
    if spec.approval == "required":
        steps.append(Step(stage=Stage.APPROVAL))
    if spec.shadow:
        shadow = spec.shadow
        steps.append(
            Step(
                stage=Stage.SHADOW,
                min_predictions=shadow.min_predictions,
                min_agreement=shadow.min_agreement,
            )
        )
    if spec.canary:
        percent, enough = spec.canary.percent, spec.canary.min_predictions
        steps.append(Step(stage=Stage.CANARY, percent=percent, min_predictions=enough))
    if spec.type == "ab_test":
        steps.append(Step(stage=Stage.AB_TEST, percent=spec.percent))
    else:
        steps.extend(
            Step(stage=Stage.RAMP, percent=percent, min_predictions=spec.step_predictions)
            for percent in spec.ramp
            if percent < 100  # to answer all keys is to be champion
        )
    if spec.approval == "before_full":
        reached = steps[-1].percent if steps else 0.0
        steps.append(Step(stage=Stage.FINAL_APPROVAL, percent=reached))
    return tuple(steps)
