"""Release without stages: the version becomes champion at once."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ml_platform.exceptions import RevisionConflict
from ml_platform.release.state import Action, ReleaseState, Transition
from ml_platform.release.store import ReleaseStore

_ATTEMPTS = 10


def promote_direct(
    store: ReleaseStore,
    model: str,
    version: int,
    *,
    at: datetime,
    who: str,
    why: str,
    evidence: Mapping[str, Any] | None = None,
) -> ReleaseState:
    """Make a version champion, and return the state.

    A version that is champion already stays so and nothing is stored: a deployment that is run
    again is no second release. When somebody else moved the release meanwhile, it is decided
    anew on what they left. Raises RevisionConflict when that happens again and again.
    """
    for attempt in range(_ATTEMPTS):
        state = store.state(model)
        if state.champion == version:
            return state
        transition = Transition(
            model=model,
            revision=state.revision + 1,
            action=Action.PROMOTE_DIRECT,
            version=version,
            at=at,
            who=who,
            why=why,
            evidence=dict(evidence or {}),
        )
        try:
            return store.append(transition, expected_revision=state.revision)
        except RevisionConflict:
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")
