import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ml_platform.exceptions import ReleaseError, RevisionConflict
from ml_platform.release.memory import InMemoryReleaseStore
from ml_platform.release.state import ReleaseState, Transition, apply, replay
from ml_platform.testing.stores import promotion

versions = st.lists(st.integers(1, 5), max_size=12)


def released(wanted: list[int]) -> list[Transition]:
    """The transitions that are left of promoting each version in turn, if not champion already."""
    done: list[Transition] = []
    for version in wanted:
        if not done or done[-1].version != version:
            done.append(promotion("m", len(done) + 1, version))
    return done


@given(versions)
def test_the_last_promoted_version_is_the_one_champion_and_the_one_before_is_previous(
    wanted: list[int],
) -> None:
    done = released(wanted)
    state = replay("m", done)
    assert state.revision == len(done)
    assert state.champion == (done[-1].version if done else None)
    assert state.previous == (done[-2].version if len(done) > 1 else None)
    assert state.since == (done[-1].at if done else None)
    assert state.champion is None or state.champion != state.previous


@given(versions, st.integers(1, 5))
def test_from_every_state_every_other_version_can_become_champion(
    wanted: list[int], version: int
) -> None:
    state = replay("m", released(wanted))
    if version == state.champion:
        with pytest.raises(ReleaseError, match=f"version {version} is champion already"):
            apply(state, promotion("m", state.revision + 1, version))
    else:
        assert apply(state, promotion("m", state.revision + 1, version)).champion == version


@given(versions, st.integers(-3, 20))
def test_no_transition_is_lost_or_taken_twice(wanted: list[int], ahead: int) -> None:
    state = replay("m", released(wanted))
    revision = max(1, state.revision + 1 + ahead)
    if revision == state.revision + 1:
        return
    with pytest.raises(RevisionConflict, match=f"does not follow revision {state.revision}"):
        apply(state, promotion("m", revision, 6))


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 5)), max_size=25))
def test_a_store_under_any_commands_is_what_its_history_says(
    commands: list[tuple[int, int]],
) -> None:
    store = InMemoryReleaseStore()
    stored = 0
    for expected, version in commands:
        before = store.state("m")
        try:
            after = store.append(promotion("m", expected + 1, version), expected_revision=expected)
        except ReleaseError:
            assert store.state("m") == before
            continue
        stored += 1
        assert expected == before.revision
        assert after == store.state("m")
    history = store.history("m")
    assert [transition.revision for transition in history] == list(range(1, stored + 1))
    assert store.state("m") == replay("m", history)


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
