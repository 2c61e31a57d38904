"""The state machine under any commands whatever."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ml_platform.exceptions import ReleaseError, RevisionConflict
from ml_platform.release.memory import InMemoryReleaseStore
from ml_platform.release.plan import Plan, Stage, Step
from ml_platform.release.state import Action, ReleaseState, Transition, apply, replay
from ml_platform.testing.releases import START, promotion, transition

STEPS = st.sampled_from(
    [
        Step(stage=Stage.APPROVAL),
        Step(stage=Stage.SHADOW, min_predictions=5),
        Step(stage=Stage.CANARY, percent=5),
        Step(stage=Stage.RAMP, percent=50),
        Step(stage=Stage.AB_TEST, percent=50),
        Step(stage=Stage.FINAL_APPROVAL, percent=50),
    ]
)
PLANS = st.builds(
    Plan,
    steps=st.lists(STEPS, min_size=1, max_size=4).map(tuple),
    automatic=st.integers(0, 3).map(bool),
)
COMMANDS = st.lists(st.tuples(st.sampled_from(Action), st.integers(1, 5), PLANS), max_size=30)
Command = tuple[Action, int, Plan]


def ordered(state: ReleaseState, action: Action, version: int, plan: Plan | None) -> Transition:
    return Transition(
        model=state.model,
        revision=state.revision + 1,
        action=action,
        version=version,
        at=START + timedelta(minutes=state.revision),
        who="hypothesis",
        why="a command",
        plan=plan if action is Action.OPEN else None,
    )


def carried_out(commands: list[Command]) -> tuple[ReleaseState, list[Transition]]:
    """The state after those commands that it allowed, and their transitions."""
    state, done = ReleaseState(model="m"), []
    for action, version, plan in commands:
        # Half of the numbers mean "the candidate", else hardly any command would be allowed.
        about = state.candidate if state.candidate and version % 2 else version
        try:
            each = ordered(state, action, about, plan)
            state = apply(state, each)
        except ReleaseError:
            continue
        done.append(each)
    return state, done


@given(COMMANDS)
@settings(max_examples=300)
def test_what_is_live_is_never_contradictory(commands: list[Command]) -> None:
    state, done = carried_out(commands)
    assert state.revision == len(done)
    assert (state.candidate is None) is (state.stage is Stage.NONE) is (state.plan is None)
    if state.candidate is None:
        assert (state.percent, state.opened, state.entered, state.held) == (0, 0, 0, False)
    else:
        assert state.champion is not None
        assert state.candidate != state.champion
        assert state.plan is not None
        step = state.plan.steps[state.step]
        assert (state.stage, state.percent) == (step.stage, step.percent)
        assert 0 < state.opened <= state.entered <= state.revision
    assert state.champion not in (*state.last_good, *state.taken_out)
    assert len(set(state.last_good)) == len(state.last_good)


@given(COMMANDS)
def test_a_model_never_has_two_champions_nor_loses_its_own(commands: list[Command]) -> None:
    _, done = carried_out(commands)
    state = ReleaseState(model="m")
    for each in done:
        before, state = state, apply(state, each)
        if before.champion is not None:
            assert state.champion is not None, "once released, somebody always answers"
        if state.champion != before.champion:
            assert state.champion == each.version, "only the version named becomes champion"
            assert state.previous == before.champion
            assert state.since == each.at
            assert state.candidate is None
        else:
            assert state.since == before.since


@given(COMMANDS)
def test_replaying_is_applying_one_by_one_and_so_is_reading_a_kept_state(
    commands: list[Command],
) -> None:
    state, done = carried_out(commands)
    assert replay("m", done) == state
    kept = state.model_dump_json(exclude_defaults=True)
    assert ReleaseState.model_validate_json(kept) == state
    again = [Transition.model_validate_json(each.model_dump_json()) for each in done]
    assert replay("m", again) == state


@given(COMMANDS)
def test_a_rollback_is_possible_from_every_state_that_has_a_good_version(
    commands: list[Command],
) -> None:
    state, _ = carried_out(commands)
    for version in state.last_good:
        after = apply(state, ordered(state, Action.ROLLBACK, version, None))
        assert (after.champion, after.candidate) == (version, None)
        assert state.champion in after.taken_out
        assert state.champion not in after.last_good
    if state.candidate is not None:
        assert state.champion is not None
        after = apply(state, ordered(state, Action.ROLLBACK, state.champion, None))
        assert (after.champion, after.candidate) == (state.champion, None)
        assert state.candidate in after.taken_out


@given(COMMANDS)
def test_every_state_of_a_release_has_a_way_out(commands: list[Command]) -> None:
    state, _ = carried_out(commands)
    if state.candidate is None:
        return
    ways = (Action.REJECT, Action.CUT_OUT, Action.WITHDRAW, Action.PROMOTE)
    for action in ways:
        after = apply(state, ordered(state, action, state.candidate, None))
        assert after.candidate is None
        assert after.champion == (state.candidate if action is Action.PROMOTE else state.champion)
    # And by the way that it was to go: resume, then step by step until it is champion.
    while state.candidate is not None:
        action = Action.PROMOTE if state.next_step is None else Action.ADVANCE
        action = Action.APPROVE if state.waits else action
        action = Action.RESUME if state.held else action
        before, candidate = state, state.candidate
        state = apply(state, ordered(state, action, candidate, None))
        assert state.candidate is None or state.held < before.held or state.step > before.step
    assert state.champion == candidate


@given(COMMANDS, st.integers(-3, 20), st.sampled_from(Action))
def test_no_transition_is_lost_or_taken_twice(
    commands: list[Command], ahead: int, action: Action
) -> None:
    state, _ = carried_out(commands)
    revision = max(1, state.revision + 1 + ahead)
    if revision == state.revision + 1:
        return
    with pytest.raises(RevisionConflict, match=f"does not follow revision {state.revision}"):
        apply(state, transition("m", revision, 6, action))


@given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from(Action), st.integers(1, 4))))
def test_a_store_under_any_commands_is_what_its_history_says(
    commands: list[tuple[int, Action, int]],
) -> None:
    store = InMemoryReleaseStore()
    stored = 0
    for expected, action, version in commands:
        before = store.state("m")
        each = transition("m", expected + 1, version, action)
        try:
            after = store.append(each, expected_revision=expected)
        except ReleaseError:
            assert store.state("m") == before
            continue
        stored += 1
        assert expected == before.revision
        assert after == store.state("m")
    history = store.history("m")
    assert [each.revision for each in history] == list(range(1, stored + 1))
    assert store.state("m") == replay("m", history)


@given(COMMANDS, st.lists(st.sampled_from(Action), min_size=2, max_size=4))
def test_of_commands_given_at_once_one_is_carried_out(
    commands: list[Command], at_once: list[Action]
) -> None:
    _, done = carried_out(commands)
    store = InMemoryReleaseStore()
    for each in done:
        store.append(each, expected_revision=each.revision - 1)
    seen = store.state("m")
    taken: list[Action] = []
    for action in at_once:
        about = seen.candidate or 5
        try:
            store.append(
                transition("m", seen.revision + 1, about, action), expected_revision=seen.revision
            )
        except ReleaseError:
            continue
        taken.append(action)
    assert len(taken) <= 1
    assert store.revision("m") == seen.revision + len(taken)


def test_the_old_champion_is_good_until_it_is_rolled_back_from() -> None:
    state = replay("m", [promotion("m", n, n) for n in (1, 2, 3)])
    assert (state.champion, state.previous, state.last_good) == (3, 2, (2, 1))
    back = apply(state, transition("m", 4, 2, Action.ROLLBACK))
    assert (back.champion, back.previous, back.last_good) == (2, 3, (1,))
    assert back.taken_out == (3,)
    forward = apply(back, transition("m", 5, 3, Action.ROLLBACK))
    assert (forward.champion, forward.last_good, forward.taken_out) == (3, (2, 1), ())


def test_evidence_starts_anew_at_each_step_and_not_when_it_is_held() -> None:
    opened = replay("m", [promotion("m", 1, 1), transition("m", 2, 2, Action.OPEN)])
    assert (opened.opened, opened.entered) == (2, 2)
    held = apply(opened, transition("m", 3, 2, Action.HOLD))
    resumed = apply(held, transition("m", 4, 2, Action.RESUME))
    assert (resumed.entered, resumed.cleared) == (2, True)
    onward = apply(resumed, transition("m", 5, 2, Action.ADVANCE))
    assert (onward.opened, onward.entered, onward.percent) == (2, 5, 50)


@pytest.mark.parametrize(
    ("action", "version", "says"),
    [
        (Action.PROMOTE, 3, "version 3 is not the candidate, 2 is"),
        (Action.OPEN, 3, "version 2 is candidate; withdraw it first"),
        (Action.APPROVE, 2, "waits for no approval"),
        (Action.RESUME, 2, "is not held"),
        (Action.ROLLBACK, 7, r"version 7 was not champion before \(valid: none\)"),
        (Action.PROMOTE_DIRECT, 1, "version 1 is champion already"),
    ],
)
def test_what_the_state_does_not_allow_is_refused_with_what_it_is(
    action: Action, version: int, says: str
) -> None:
    state = replay("m", [promotion("m", 1, 1), transition("m", 2, 2, Action.OPEN)])
    with pytest.raises(ReleaseError, match=says):
        apply(state, transition("m", 3, version, action))


def test_a_first_version_cannot_be_a_candidate() -> None:
    with pytest.raises(ReleaseError, match="has no champion yet"):
        apply(ReleaseState(model="m"), transition("m", 1, 1, Action.OPEN))


def test_a_plan_belongs_to_open() -> None:
    without = transition("m", 2, 2, Action.OPEN).model_copy(update={"plan": None})
    with pytest.raises(ReleaseError, match="a plan belongs to open"):
        apply(replay("m", [promotion("m", 1, 1)]), without)


def test_a_transition_of_another_model_is_refused() -> None:
    with pytest.raises(ReleaseError, match="a transition of 'b' is none of 'a'"):
        apply(ReleaseState(model="a"), promotion("b", 1, 1))


@pytest.mark.parametrize(
    ("field", "value"),
    [("who", ""), ("why", ""), ("version", 0), ("at", "2026-01-01T00:00:00"), ("action", "x")],
)
def test_a_transition_says_who_when_why_and_of_which_version(field: str, value: object) -> None:
    fields = promotion("m", 1, 1).model_dump(mode="json")
    with pytest.raises(ValidationError, match=field):
        Transition.model_validate({**fields, field: value})


def test_a_release_that_is_not_automatic_goes_a_step_further_with_each_approval() -> None:
    canary, ramp = Step(stage=Stage.CANARY, percent=5), Step(stage=Stage.RAMP, percent=50)
    plan = Plan(steps=(canary, ramp), automatic=False)
    state = apply(ReleaseState(model="m"), promotion("m", 1, 1))
    state = apply(state, ordered(state, Action.OPEN, 2, plan))
    with pytest.raises(ReleaseError, match="waits for a person; approve or reject it"):
        apply(state, ordered(state, Action.ADVANCE, 2, None))
    state = apply(state, ordered(state, Action.APPROVE, 2, None))
    assert (state.stage, state.percent, state.waits) == (Stage.RAMP, 50, True)
    state = apply(state, ordered(state, Action.APPROVE, 2, None))
    assert (state.champion, state.candidate) == (2, None)
