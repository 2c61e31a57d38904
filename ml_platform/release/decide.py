"""What the evidence says is to be done with a candidate; pure, and the same for everybody."""

from datetime import datetime
from typing import Any

from pydantic import Field

from ml_platform.plugins import Strict
from ml_platform.release.ab_test import ABVerdict, ab_verdict
from ml_platform.release.comparison import agreement_row, comparison
from ml_platform.release.evidence import Agreement, Counts, quantile, total
from ml_platform.release.findings import ALPHA, SHIFT, Finding, Pair, findings, shift
from ml_platform.release.plan import Plan, Stage, Step
from ml_platform.release.rows import ReleaseEvidence, StepEvidence
from ml_platform.release.sequential import Difference, radius
from ml_platform.release.state import Action, ReleaseState, Transition

WHO = "releases sensor"

NOT_COMPARED = "fallback"
"""The role of the champion in place of a candidate that failed: nobody drew those records."""


class Decision(Strict):
    """What to do with the release, why, and on what; action None leaves it where it is.

    version: that the action is about: the candidate, or for a rollback the champion.
    evidence: JSON-ready: `tests`, a row each, and `versions`, what was counted of each; of a
        shadow `differences` and `slices`, how its scores lie beside the champion's.
    """

    action: Action | None
    reason: str
    version: int | None = None
    evidence: dict[str, Any] = Field(default={})

    def transition(self, state: ReleaseState, *, now: datetime, who: str = WHO) -> Transition:
        """Return the transition that does it to the state on which it was decided."""
        assert self.action is not None
        assert self.version is not None
        return Transition(
            model=state.model,
            revision=state.revision + 1,
            action=self.action,
            version=self.version,
            at=now,
            who=who,
            why=self.reason,
            evidence=self.evidence,
        )


def decide(
    state: ReleaseState, plan: Plan | None, evidence: ReleaseEvidence, *, now: datetime
) -> Decision:
    """Return what to do with a release.

    plan: the way that it was opened with, `state.plan`. evidence: the counts of each step so far.
    now: told in the reason; time alone never moves a release.
    """
    if state.candidate is None or plan is None:
        return Decision(action=None, reason="no release is under way")
    pairs = _pairs(state, evidence)
    found = findings([pair for pair, _ in pairs], plan)
    at_step = evidence.get(state.entered, {})
    shown: dict[str, Any] = {
        "stage": state.stage.value,
        "tests": [each.model_dump(mode="json") for each in found],
        "versions": summary(at_step),
        **comparison(at_step, state.candidate),
    }
    action, reason = _judged(state, plan, found, at_step, now)
    verdict = None
    if action is None and state.stage is Stage.AB_TEST and not state.held:
        verdict = ab_verdict([pair for pair, stage in pairs if stage is Stage.AB_TEST], plan)
        shown["ab_test"] = verdict.model_dump(mode="json")
        action, reason = _of_ab_test(state, plan, found, verdict)
    if action is not None and not plan.automatic:
        action, reason = None, f"waits for a person; by itself it would {action.value}: {reason}"
    version = state.champion if action is Action.ROLLBACK else state.candidate
    return Decision(action=action, reason=reason, version=version, evidence=shown)


def summary(at_step: StepEvidence) -> list[dict[str, Any]]:
    """Return what was counted of each version and role at a step, a row each, for people."""
    return [
        {
            "version": version,
            "role": role,
            "requests": counts.requests,
            "errors": sum(counts.errors.values()),
            "refusals": sum(counts.refusals.values()),
            "p50_us": _rounded(quantile(counts.latency, 0.5)),
            "p99_us": _rounded(quantile(counts.latency, 0.99)),
            "model_us": _rounded(counts.mean_model_time),
            "mean_score": _rounded(counts.score.mean, digits=4),
            **agreement_row(counts.shadow),
            "dropped": counts.shadow_dropped,
        }
        for (version, role), counts in sorted(at_step.items())
    ]


def of_version(at_step: StepEvidence, version: int | None) -> Counts:
    """Return the counts of a version at a step, in every role that may be compared."""
    return total(
        counts
        for (each, role), counts in at_step.items()
        if each == version and role != NOT_COMPARED
    )


def _pairs(state: ReleaseState, evidence: ReleaseEvidence) -> list[tuple[Pair, Stage]]:
    """Candidate and champion at each step, with its stage where that is the present one."""
    pairs: list[tuple[Pair, Stage]] = []
    for entered in sorted(evidence):
        if entered < state.opened or entered > state.entered:
            continue
        step = evidence[entered]
        candidate, champion = of_version(step, state.candidate), of_version(step, state.champion)
        stage = state.stage if entered == state.entered else Stage.NONE
        answers = candidate.shadow.pairs == 0
        pairs.append((Pair(candidate=candidate, champion=champion, answers=answers), stage))
    return pairs


def _judged(
    state: ReleaseState, plan: Plan, found: list[Finding], at_step: StepEvidence, now: datetime
) -> tuple[Action | None, str]:
    harm = [each.reason for each in found if each.verdict == "harm"]
    if harm:
        return Action.ROLLBACK, f"the candidate does harm: {'; '.join(harm)}"
    if state.held:
        return None, "held"
    stage = plan.steps[state.step].stage
    if stage.waits:
        return None, f"waits for a person since {state.entered_at or now:%Y-%m-%d %H:%M}"
    if stage is Stage.AB_TEST:
        return None, ""
    return _enough(state, plan.steps[state.step], found, at_step)


def _enough(
    state: ReleaseState, step: Step, found: list[Finding], at_step: StepEvidence
) -> tuple[Action | None, str]:
    """Whether a candidate that does no harm may go on."""
    candidate = of_version(at_step, state.candidate)
    shadow = candidate.shadow if step.stage is Stage.SHADOW else None
    answered = candidate.answered if shadow is None else shadow.pairs
    seen = f"{answered:,} of {step.min_predictions:,} predictions"
    stopped = None if shadow is None else _disagrees(shadow, least=step.min_agreement)
    if stopped is None and answered < step.min_predictions:
        stopped = None, f"{seen} at this step"
    stopped = stopped or _moved(state, at_step)
    if stopped is not None:
        return stopped
    waiting = _suspicions(found)
    if waiting:
        return None, f"{seen}; waits for more, as this may be harm: {waiting}"
    return _onward(state, f"{seen}, nothing speaks against it")


def _suspicions(found: list[Finding]) -> str:
    return "; ".join(each.reason for each in found if each.verdict == "suspicious")


def _onward(state: ReleaseState, reason: str) -> tuple[Action, str]:
    action = Action.PROMOTE if state.next_step is None else Action.ADVANCE
    return action, reason


def _disagrees(shadow: Agreement, *, least: float) -> tuple[Action | None, str] | None:
    """What too little agreement means: back where that is sure, wait where it is not yet."""
    if shadow.pairs == 0 or shadow.agree >= least * shadow.pairs:
        return None
    told = (
        f"agrees with the champion in {shadow.agree:,} of {shadow.pairs:,} "
        f"({100 * shadow.agree / shadow.pairs:.4g} %), {100 * least:.4g} % are asked for"
    )
    smoothed = (shadow.agree + 0.5) / (shadow.pairs + 1.0)
    seen = Difference(smoothed, smoothed * (1.0 - smoothed) / shadow.pairs)
    highest = smoothed + radius(seen, alpha=ALPHA, scale=0.02)
    return (Action.ROLLBACK, told) if highest < least else (None, f"{told}; waits for more")


def _moved(state: ReleaseState, at_step: StepEvidence) -> tuple[Action | None, str] | None:
    """Scores that lie elsewhere are no proof of harm: a person looks, once for a release."""
    if state.cleared:
        return None
    champion, candidate = (of_version(at_step, v) for v in (state.champion, state.candidate))
    index, noise = shift(Pair(candidate=candidate, champion=champion))
    if index - noise <= SHIFT:
        return None
    told = f"population stability index {index:.2f}, of which noise at most {noise:.2f}"
    return Action.HOLD, (
        f"the candidate's scores lie elsewhere than the champion's: {told} (limit {SHIFT}); "
        "look at them, then resume or reject"
    )


def _of_ab_test(
    state: ReleaseState, plan: Plan, found: list[Finding], verdict: ABVerdict
) -> tuple[Action | None, str]:
    waiting = _suspicions(found)
    if verdict.winner is None:
        return None, verdict.reason
    if not plan.promote_winner:
        if state.cleared:  # a person knows of the verdict and lets the test go on
            return None, verdict.reason
        return Action.HOLD, f"{verdict.reason}; promote the candidate or reject it"
    if verdict.winner != "candidate":
        return Action.ROLLBACK, verdict.reason
    if waiting:
        return None, f"{verdict.reason}; waits for more, as this may be harm: {waiting}"
    return _onward(state, verdict.reason)


def _rounded(value: float | None, *, digits: int = 0) -> float | None:
    return None if value is None else round(value, digits)
