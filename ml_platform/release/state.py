"""The release of a model as a state machine: pure, replayed from its transitions.

Only transitions are stored, and a state is what replaying them gives. The way of a release is
fixed by the plan that its `open` carries: a declaration that changes meanwhile changes the next
release, not the one under way.

    open ─> approval? ─> shadow? ─> canary? ─> ramp ... ─> final approval? ─> champion
      from every step: hold and resume, promote (a person), and out of it by reject, rollback,
      cut_out (the service), withdraw (a newer candidate), promote_direct (another version)
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import reduce
from typing import Any

from pydantic import AwareDatetime, Field

from ml_platform.exceptions import ReleaseError, RevisionConflict
from ml_platform.plugins import Strict
from ml_platform.release.plan import Plan, Stage, Step

REMEMBERED = 20
"""How many earlier versions a state names."""


class Action(StrEnum):
    """What a transition does.

    Its version is the candidate's, but for promote_direct, open and rollback.

    promote_direct: the version becomes champion at once; a candidate under way is dropped.
    open: the version becomes candidate and enters the first step of the plan.
    advance: the candidate enters the next step, by evidence. approve: the same, by a person.
    hold: it stays where it is until resume; harm still takes it back.
    promote: it becomes champion, wherever it was.
    reject, cut_out, withdraw: it is out: by a person or by evidence, by the service which saw it
        fail, by a newer candidate.
    rollback: the version answers everything from now on. With the champion's version it takes
        the candidate out; with an earlier champion's it replaces the champion too.
    """

    PROMOTE_DIRECT = "promote_direct"
    OPEN = "open"
    ADVANCE = "advance"
    APPROVE = "approve"
    HOLD = "hold"
    RESUME = "resume"
    PROMOTE = "promote"
    REJECT = "reject"
    CUT_OUT = "cut_out"
    WITHDRAW = "withdraw"
    ROLLBACK = "rollback"


class Transition(Strict):
    """One step of a release; never changed once stored.

    revision: the revision that it leads to, counted from 1 for each model.
    version: the model version that it is about.
    at: when it was decided; who and why: the person or job, and the reason, for people.
    evidence: what it rests on, JSON-ready: the certificate's digest, runs, figures.
    plan: the way of the release; of `open`, and only of it.
    """

    model: str = Field(min_length=1)
    revision: int = Field(ge=1)
    action: Action
    version: int = Field(ge=1)
    at: AwareDatetime
    who: str = Field(min_length=1)
    why: str = Field(min_length=1)
    evidence: dict[str, Any] = Field(default={})
    plan: Plan | None = None


class ReleaseState(Strict):
    """What is live of a model after its transitions up to `revision`; 0 before the first.

    champion: the version that answers; None before the first release.
    previous: the version that was champion before it.
    since: when the champion became champion.
    last_good: earlier champions that nothing was held against, latest first.
    taken_out: versions that were rejected, cut out or rolled back, latest first: they are not
        released again by themselves.
    candidate: the version on its way, at `stage`; it answers `percent` of the keys (0 to 100).
    plan, step: its way, and where on it it is, counted from 0.
    held: it goes no further by itself.
    cleared: a person resumed it: what only asks for a look does not hold it again.
    opened: the revision at which it became candidate; 0 without one.
    entered, entered_at: the revision and time at which it entered its step; evidence is counted
        from there, for each step by itself.
    """

    model: str
    revision: int = 0
    champion: int | None = None
    previous: int | None = None
    since: AwareDatetime | None = None
    last_good: tuple[int, ...] = ()
    taken_out: tuple[int, ...] = ()
    candidate: int | None = None
    stage: Stage = Stage.NONE
    percent: float = 0.0
    step: int = 0
    held: bool = False
    cleared: bool = False
    opened: int = 0
    entered: int = 0
    entered_at: AwareDatetime | None = None
    plan: Plan | None = None

    @property
    def waits(self) -> bool:
        """Whether only a person can take the candidate further."""
        return self.stage.waits or (self.plan is not None and not self.plan.automatic)

    @property
    def next_step(self) -> Step | None:
        """The step after the present one; None where the candidate would become champion."""
        steps = self.plan.steps if self.plan else ()
        return steps[self.step + 1] if self.step + 1 < len(steps) else None


def apply(state: ReleaseState, transition: Transition) -> ReleaseState:
    """Return the state after a transition.

    Raises RevisionConflict when the transition was not decided on this state, ReleaseError when
    it is of another model, or the state does not allow it.
    """
    if transition.model != state.model:
        raise ReleaseError(f"a transition of {transition.model!r} is none of {state.model!r}")
    if transition.revision != state.revision + 1:
        raise RevisionConflict(
            f"{state.model}: a step to revision {transition.revision} does not follow revision "
            f"{state.revision}; read the state again and decide anew"
        )
    if (transition.plan is not None) is not (transition.action is Action.OPEN):
        raise ReleaseError(f"{state.model}: a plan belongs to open, and to nothing else")
    changed = _RULES[transition.action](state, transition)
    return state.model_copy(update={**changed, "revision": transition.revision})


def steps(
    model: str, transitions: Iterable[Transition]
) -> Iterator[tuple[Transition, ReleaseState]]:
    """Yield each transition of a model, from the first one, with the state after it."""
    state = ReleaseState(model=model)
    for transition in transitions:
        state = apply(state, transition)
        yield transition, state


def replay(model: str, transitions: Iterable[Transition]) -> ReleaseState:
    """Return the state of a model after all of its transitions, in their order."""
    return reduce(apply, transitions, ReleaseState(model=model))


Changes = dict[str, Any]

_NO_CANDIDATE: Changes = {
    "candidate": None,
    "stage": Stage.NONE,
    "percent": 0.0,
    "step": 0,
    "held": False,
    "cleared": False,
    "opened": 0,
    "entered": 0,
    "entered_at": None,
    "plan": None,
}


def _promote_direct(state: ReleaseState, transition: Transition) -> Changes:
    if transition.version == state.champion:
        raise ReleaseError(f"{state.model}: version {transition.version} is champion already")
    return _crowned(state, transition)


def _open(state: ReleaseState, transition: Transition) -> Changes:
    assert transition.plan is not None
    if state.champion is None:
        raise ReleaseError(f"{state.model} has no champion yet: the first version is promoted")
    if state.candidate is not None:
        raise ReleaseError(
            f"{state.model}: version {state.candidate} is candidate; withdraw it first"
        )
    if transition.version == state.champion:
        raise ReleaseError(f"{state.model}: version {transition.version} is champion already")
    return {
        "candidate": transition.version,
        "plan": transition.plan,
        "opened": transition.revision,
        **_entered(transition.plan, 0, transition),
    }


def _advance(state: ReleaseState, transition: Transition) -> Changes:
    _check_candidate(state, transition)
    if state.held:
        raise ReleaseError(f"{_told(state)} is held; resume it first")
    if state.waits:
        raise ReleaseError(f"{_told(state)} waits for a person; approve or reject it")
    if state.next_step is None:
        raise ReleaseError(f"{_told(state)} is at its last step; promote it")
    assert state.plan is not None
    return _entered(state.plan, state.step + 1, transition)


def _approve(state: ReleaseState, transition: Transition) -> Changes:
    _check_candidate(state, transition)
    if not state.waits:
        raise ReleaseError(f"{_told(state)} waits for no approval")
    if state.next_step is None:
        return _crowned(state, transition)
    assert state.plan is not None
    return {**_entered(state.plan, state.step + 1, transition), "held": False}


def _hold(state: ReleaseState, transition: Transition) -> Changes:
    _check_candidate(state, transition)
    if state.held:
        raise ReleaseError(f"{_told(state)} is held already")
    return {"held": True}


def _resume(state: ReleaseState, transition: Transition) -> Changes:
    _check_candidate(state, transition)
    if not state.held:
        raise ReleaseError(f"{_told(state)} is not held")
    return {"held": False, "cleared": True}


def _promote(state: ReleaseState, transition: Transition) -> Changes:
    _check_candidate(state, transition)
    return _crowned(state, transition)


def _take_out(state: ReleaseState, transition: Transition) -> Changes:
    _check_candidate(state, transition)
    return {**_NO_CANDIDATE, "taken_out": _first(transition.version, state.taken_out)}


def _withdraw(state: ReleaseState, transition: Transition) -> Changes:
    _check_candidate(state, transition)
    return dict(_NO_CANDIDATE)


def _rollback(state: ReleaseState, transition: Transition) -> Changes:
    version = transition.version
    out = state.taken_out if state.candidate is None else _first(state.candidate, state.taken_out)
    if version == state.champion:
        if state.candidate is None:
            raise ReleaseError(f"{state.model}: version {version} is champion already")
        return {**_NO_CANDIDATE, "taken_out": out}
    if version not in (*state.last_good, state.previous):
        good = ", ".join(map(str, state.last_good)) or "none"
        raise ReleaseError(
            f"{state.model}: version {version} was not champion before (valid: {good})"
        )
    crowned = _crowned(state, transition)
    if version not in state.last_good:
        return crowned  # back to the version that was rolled back from: the champion stays good
    assert state.champion is not None
    older = state.last_good[state.last_good.index(version) + 1 :]
    out = tuple(v for v in _first(state.champion, out) if v != version)
    return {**crowned, "last_good": older, "taken_out": out}


_RULES = {
    Action.PROMOTE_DIRECT: _promote_direct,
    Action.OPEN: _open,
    Action.ADVANCE: _advance,
    Action.APPROVE: _approve,
    Action.HOLD: _hold,
    Action.RESUME: _resume,
    Action.PROMOTE: _promote,
    Action.REJECT: _take_out,
    Action.CUT_OUT: _take_out,
    Action.WITHDRAW: _withdraw,
    Action.ROLLBACK: _rollback,
}


def _crowned(state: ReleaseState, transition: Transition) -> Changes:
    """The version is champion, the champion previous, and nobody a candidate."""
    version = transition.version
    good = state.last_good
    if state.champion is not None:
        good = _first(state.champion, good)
    return {
        **_NO_CANDIDATE,
        "champion": version,
        "previous": state.champion,
        "since": transition.at,
        "last_good": tuple(each for each in good if each != version),
        "taken_out": tuple(each for each in state.taken_out if each != version),
    }


def _entered(plan: Plan, step: int, transition: Transition) -> Changes:
    return {
        "step": step,
        "stage": plan.steps[step].stage,
        "percent": plan.steps[step].percent,
        "entered": transition.revision,
        "entered_at": transition.at,
    }


def _check_candidate(state: ReleaseState, transition: Transition) -> None:
    if state.candidate is None:
        raise ReleaseError(f"{state.model} has no release under way")
    if transition.version != state.candidate:
        raise ReleaseError(
            f"{state.model}: version {transition.version} is not the candidate, "
            f"{state.candidate} is"
        )


def _first(version: int, others: tuple[int, ...]) -> tuple[int, ...]:
    return (version, *(each for each in others if each != version))[:REMEMBERED]


def _told(state: ReleaseState) -> str:
    return f"{state.model}: version {state.candidate} ({state.stage.value})"
