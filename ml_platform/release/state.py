"""The release of a model as a state machine: pure, replayed from its transitions.

Only transitions are stored, and a state is what replaying them gives. A further step of a release
(a candidate in shadow, a canary, a rollback) is one more `Action` with its rule in `apply`, and
fields of the state that it sets; what is stored stays valid as it is.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime, Field

from ml_platform.exceptions import ReleaseError, RevisionConflict
from ml_platform.plugins import Strict


class Action(StrEnum):
    """What a transition does.

    promote_direct: the version becomes champion at once and the champion becomes previous.
    """

    PROMOTE_DIRECT = "promote_direct"


class Transition(Strict):
    """One step of a release; never changed once stored.

    revision: the revision that it leads to, counted from 1 for each model.
    version: the model version that it is about.
    at: when it was decided; who and why: the person or job, and the reason, for people.
    evidence: what it rests on, JSON-ready: the certificate's digest, runs, figures.
    """

    model: str = Field(min_length=1)
    revision: int = Field(ge=1)
    action: Action
    version: int = Field(ge=1)
    at: AwareDatetime
    who: str = Field(min_length=1)
    why: str = Field(min_length=1)
    evidence: dict[str, Any] = Field(default={})


class ReleaseState(Strict):
    """What is live of a model after its transitions up to `revision`; 0 before the first.

    champion: the version that answers; None before the first release.
    previous: the version that was champion before it.
    since: when the champion became champion.
    """

    model: str
    revision: int = 0
    champion: int | None = None
    previous: int | None = None
    since: AwareDatetime | None = None


def apply(state: ReleaseState, transition: Transition) -> ReleaseState:
    """Return the state after a transition.

    Raises RevisionConflict when the transition was not decided on this state, ReleaseError when
    it is of another model or does nothing.
    """
    if transition.model != state.model:
        raise ReleaseError(f"a transition of {transition.model!r} is none of {state.model!r}")
    if transition.revision != state.revision + 1:
        raise RevisionConflict(
            f"{state.model}: a step to revision {transition.revision} does not follow revision "
            f"{state.revision}; read the state again and decide anew"
        )
    if transition.version == state.champion:
        raise ReleaseError(f"{state.model}: version {transition.version} is champion already")
    return ReleaseState(
        model=state.model,
        revision=transition.revision,
        champion=transition.version,
        previous=state.champion,
        since=transition.at,
    )


def replay(model: str, transitions: Iterable[Transition]) -> ReleaseState:
    """Return the state of a model after all of its transitions, in their order."""
    state = ReleaseState(model=model)
    for transition in transitions:
        state = apply(state, transition)
    return state
