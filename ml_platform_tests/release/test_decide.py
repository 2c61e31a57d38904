"""What is decided at each step, on evidence that is plain."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from ml_platform.release.decide import Decision, decide
from ml_platform.release.evidence import (
    Agreement,
    Counts,
    Moments,
    difference_bin,
    latency_bin,
    probability_bin,
)
from ml_platform.release.plan import Plan, Stage, Step
from ml_platform.release.state import Action, ReleaseState, Transition, apply

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SHADOW = Step(stage=Stage.SHADOW, min_predictions=500, min_agreement=0.9)
CANARY = Step(stage=Stage.CANARY, percent=5, min_predictions=1000)
RAMP = Step(stage=Stage.RAMP, percent=50, min_predictions=1000)
FINAL = Step(stage=Stage.FINAL_APPROVAL, percent=50)
AB = Step(stage=Stage.AB_TEST, percent=50)


class Release:
    """A release of version 2 beside champion 1; evidence is put to the step that it is at."""

    def __init__(self, *steps: Step, **plan: Any) -> None:
        self.plan = Plan(steps=steps, **plan)
        self.state = ReleaseState(model="m")
        self.evidence: dict[int, dict[tuple[int, str], Counts]] = {}
        self.do(Action.PROMOTE_DIRECT, 1)
        self.do(Action.OPEN, 2)

    def do(self, action: Action, version: int = 2) -> None:
        each = Transition(
            model="m",
            revision=self.state.revision + 1,
            action=action,
            version=version,
            at=NOW,
            who="test",
            why="test",
            plan=self.plan if action is Action.OPEN else None,
        )
        self.state = apply(self.state, each)

    def decide(self, candidate: Counts, champion: Counts, role: str = "candidate") -> Decision:
        self.evidence[self.state.entered] = {(1, "champion"): champion, (2, role): candidate}
        return decide(self.state, self.state.plan, self.evidence, now=NOW)


def answers(requests: int, *, errors: int = 0, us: float = 100.0, **also: Any) -> Counts:
    """Requests that mostly got an answer, each in about `us` microseconds, scores at 0.3."""
    answered = requests - errors
    fields: dict[str, Any] = {
        "requests": requests,
        "errors": {"raised": errors} if errors else {},
        "model_latency": {latency_bin(us): answered},
        "model_latency_total": us * answered,
        "scores": {probability_bin(0.3): answered // 2, probability_bin(0.6): answered // 2},
    }
    return Counts(**{**fields, **also})


def test_a_model_without_candidate_is_left_alone() -> None:
    state = ReleaseState(model="m")
    assert decide(state, None, {}, now=NOW).action is None


def test_a_candidate_goes_on_when_it_answered_enough_and_nothing_speaks_against_it() -> None:
    release = Release(CANARY, RAMP)
    few = release.decide(answers(400), answers(7600))
    assert (few.action, few.reason) == (None, "400 of 1,000 predictions at this step")
    enough = release.decide(answers(1000), answers(19_000))
    assert enough.action is Action.ADVANCE
    assert enough.version == 2
    transition = enough.transition(release.state, now=NOW)
    release.state = apply(release.state, transition)
    assert (release.state.stage, release.state.percent) == (Stage.RAMP, 50)
    done = release.decide(answers(1000), answers(1000))
    assert done.action is Action.PROMOTE
    assert [row["version"] for row in done.evidence["versions"]] == [1, 2]


def test_predictions_of_an_earlier_step_do_not_count_for_the_next() -> None:
    release = Release(CANARY, RAMP)
    release.decide(answers(100_000), answers(1_900_000))
    release.do(Action.ADVANCE)
    assert release.decide(answers(10), answers(10)).action is None


def test_errors_take_the_candidate_back_to_the_champion() -> None:
    release = Release(CANARY)
    decision = release.decide(answers(500, errors=40), answers(9500, errors=95))
    assert decision.action is Action.ROLLBACK
    assert decision.version == 1
    assert "40 of 500 requests (8 %), champion 1 %" in decision.reason
    after = apply(release.state, decision.transition(release.state, now=NOW))
    assert (after.champion, after.candidate, after.taken_out) == (1, None, (2,))


@pytest.mark.parametrize(("errors", "would"), [(0, "promote"), (40, "rollback")])
def test_a_release_that_is_not_automatic_is_judged_and_left_to_a_person(
    errors: int, would: str
) -> None:
    release = Release(CANARY, automatic=False)
    decision = release.decide(answers(1000, errors=errors), answers(9500, errors=95))
    assert decision.action is None
    assert decision.reason.startswith(f"waits for a person; by itself it would {would}: ")
    assert decision.evidence["tests"]


def test_a_hint_of_harm_waits_for_more() -> None:
    release = Release(CANARY)
    decision = release.decide(answers(1100, errors=20), answers(19_000, errors=190))
    assert decision.action is None
    assert "waits for more, as this may be harm" in decision.reason


def test_harm_that_begins_at_a_late_step_is_seen_there() -> None:
    release = Release(CANARY, RAMP)
    release.decide(answers(50_000, errors=500), answers(950_000, errors=9500))
    release.do(Action.ADVANCE)
    decision = release.decide(answers(5000, errors=100), answers(5000, errors=50))
    assert decision.action is Action.ROLLBACK


def test_a_held_release_still_is_taken_back_when_it_does_harm() -> None:
    release = Release(CANARY)
    release.do(Action.HOLD)
    assert release.decide(answers(1000), answers(19_000)).reason == "held"
    assert release.decide(answers(500, errors=40), answers(9500)).action is Action.ROLLBACK


def test_only_a_person_takes_it_through_an_approval_but_harm_takes_it_back() -> None:
    release = Release(CANARY, FINAL)
    release.do(Action.ADVANCE)
    waits = release.decide(answers(9000), answers(9000))
    assert (waits.action, waits.reason) == (None, "waits for a person since 2026-01-01 00:00")
    assert release.decide(answers(500, errors=90), answers(500)).action is Action.ROLLBACK


@pytest.mark.parametrize(
    ("us", "expected"), [(100, Action.PROMOTE), (120, Action.PROMOTE), (300, Action.ROLLBACK)]
)
def test_a_slow_candidate_is_taken_back(us: float, expected: Action) -> None:
    decision = Release(CANARY).decide(answers(2000, us=us), answers(38_000))
    assert decision.action is expected


def test_a_candidate_that_is_seldom_but_then_very_slow_is_taken_back() -> None:
    times = {latency_bin(100): 1800, latency_bin(20_000): 200}
    slow = answers(2000, model_latency=times, model_latency_total=4_180_000.0)
    usual = {latency_bin(100): 37_900, latency_bin(20_000): 100}
    decision = Release(CANARY).decide(slow, answers(38_000, model_latency=usual))
    assert decision.action is Action.ROLLBACK
    assert decision.reason.startswith("the candidate does harm: model time")


def test_refusals_take_the_candidate_back() -> None:
    refuses = answers(1000, refusals={"unknown_category": 80})
    decision = Release(CANARY).decide(refuses, answers(19_000, refusals={"missing": 19}))
    assert decision.action is Action.ROLLBACK
    assert "refusals: 80 of 1,000 requests" in decision.reason


def test_scores_that_lie_elsewhere_hold_the_release_until_a_person_has_looked() -> None:
    release = Release(CANARY)
    moved = answers(1000, scores={probability_bin(0.9): 800, probability_bin(0.95): 200})
    decision = release.decide(moved, answers(19_000))
    assert decision.action is Action.HOLD
    assert "look at them, then resume or reject" in decision.reason
    release.state = apply(release.state, decision.transition(release.state, now=NOW))
    release.do(Action.RESUME)
    assert release.decide(moved, answers(19_000)).action is Action.PROMOTE


@pytest.mark.parametrize(
    ("agree", "pairs", "expected"),
    [(490, 500, Action.PROMOTE), (440, 500, None), (100, 500, Action.ROLLBACK), (9, 10, None)],
)
def test_a_shadow_must_agree_with_the_champion_as_declared(
    agree: int, pairs: int, expected: Action | None
) -> None:
    shadow = answers(pairs, shadow=Agreement(pairs, agree, Moments(pairs, 0.1, 0.1)))
    decision = Release(SHADOW).decide(shadow, answers(pairs), role="shadow")
    assert decision.action is expected


def test_a_shadow_is_shown_beside_the_champion_by_score_and_slice() -> None:
    by_slice = {"kind=b": Agreement(100, 60, Moments(100, -20.0, 4.0))}
    shadow = answers(
        500,
        shadow=Agreement(500, 460, Moments(500, -20.0, 4.0)),
        differences={difference_bin(0.0): 400, difference_bin(-0.2): 100},
        slices=by_slice,
    )
    shown = Release(SHADOW).decide(shadow, answers(500), role="shadow").evidence
    assert shown["versions"][1]["mean_difference"] == -0.04
    assert [row["percent"] for row in shown["differences"]] == [20.0, 80.0]
    assert shown["slices"] == [
        {"slice": "kind=b", "pairs": 100, "agree": 60, "mean_difference": -0.2}
    ]


def test_the_time_of_a_shadow_says_nothing() -> None:
    shadow = answers(600, us=5000, shadow=Agreement(600, 600))
    assert Release(SHADOW).decide(shadow, answers(600), role="shadow").action is Action.PROMOTE


def test_what_the_champion_answers_in_place_of_the_candidate_is_not_compared() -> None:
    release = Release(CANARY)
    release.evidence[2] = {
        (1, "champion"): answers(19_000),
        (1, "fallback"): answers(1000, errors=1000),
        (2, "candidate"): answers(1000),
    }
    assert decide(release.state, release.plan, release.evidence, now=NOW).action is Action.PROMOTE


def losses(n: int, mean: float, spread: float = 0.3) -> dict[str, Moments]:
    drawn = mean + spread * np.sin(np.arange(n))
    return {"log_loss": Moments(n, float(drawn.sum()), float((drawn**2).sum()))}


def test_a_worse_loss_on_labelled_rows_takes_the_candidate_back() -> None:
    worse = answers(2000, quality=losses(2000, 0.6))
    decision = Release(CANARY).decide(worse, answers(38_000, quality=losses(38_000, 0.5)))
    assert decision.action is Action.ROLLBACK
    assert "log_loss on 2,000 labelled rows: 0.6" in decision.reason
    same = answers(2000, quality=losses(2000, 0.5))
    decision = Release(CANARY).decide(same, answers(38_000, quality=losses(38_000, 0.5)))
    assert decision.action is Action.PROMOTE


def test_an_ab_test_tells_the_winner_and_leaves_it_to_a_person() -> None:
    release = Release(AB, metric="log_loss", min_effect=0.02)
    early = release.decide(answers(10), answers(10))
    assert early.action is None
    assert "100 of each are needed" in early.reason
    better = answers(9000, quality=losses(9000, 0.45))
    decision = release.decide(better, answers(9000, quality=losses(9000, 0.5)))
    assert decision.action is Action.HOLD
    assert decision.reason.startswith("the candidate is better: log_loss")
    verdict = decision.evidence["ab_test"]
    assert verdict["winner"] == "candidate"
    assert 0 < verdict["low"] < 0.05 < verdict["high"]
    release.do(Action.HOLD)
    assert release.decide(better, answers(9000, quality=losses(9000, 0.5))).action is None


@pytest.mark.parametrize(
    ("mean", "expected"), [(0.45, Action.PROMOTE), (0.5, Action.ROLLBACK), (0.55, Action.ROLLBACK)]
)
def test_an_ab_test_promotes_the_winner_where_that_is_declared(
    mean: float, expected: Action
) -> None:
    release = Release(AB, metric="log_loss", min_effect=0.02, promote_winner=True)
    champion = answers(40_000, quality=losses(40_000, 0.5))
    assert (
        release.decide(answers(40_000, quality=losses(40_000, mean)), champion).action is expected
    )


def test_an_ab_test_without_a_difference_of_interest_says_so() -> None:
    release = Release(AB, metric="log_loss", min_effect=0.05)
    same = answers(40_000, quality=losses(40_000, 0.5))
    decision = release.decide(same, same)
    assert decision.evidence["ab_test"]["winner"] == "neither"
