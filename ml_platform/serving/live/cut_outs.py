"""Candidates that this worker took out, and whether the release store knows it yet."""

import logging
from collections.abc import Callable
from datetime import datetime

from ml_platform.exceptions import ReleaseError, RevisionConflict, StoreError
from ml_platform.release.state import Action, ReleaseState, Transition
from ml_platform.release.store import ReleaseStore
from ml_platform.serving.live.trial import Fault

_log = logging.getLogger(__name__)


class CutOuts:
    """What came of candidates, by the revision at which each release opened.

    A version that is released again gets another trial.
    """

    def __init__(self, worker: str, *, now: Callable[[], datetime]) -> None:
        self._worker = worker
        self._now = now
        self._faults: dict[int, Fault] = {}
        self._untold: set[int] = set()

    def note(self, opened: int, fault: Fault) -> None:
        """Take a candidate out; the store is told by `tell`."""
        if opened not in self._faults:
            _log.warning("candidate is cut out: %s: %s", fault.kind, fault.detail)
            self._faults[opened] = fault
            self._untold.add(opened)

    def fault(self, opened: int) -> Fault | None:
        """Why the candidate of a release is out; None when it is not."""
        return self._faults.get(opened)

    def tell(self, store: ReleaseStore, state: ReleaseState) -> None:
        """Append what is not told yet. A store that is away, or moved on, is told next time."""
        for opened in sorted(self._untold):
            if opened > state.revision:
                continue
            if opened != state.opened or state.candidate is None:
                self._untold.discard(opened)  # somebody else took it out
                continue
            try:
                store.append(self._transition(state, opened), expected_revision=state.revision)
                self._untold.discard(opened)
            except RevisionConflict:
                continue
            except ReleaseError as error:
                _log.warning("the cut-out was refused: %s", error)
                self._untold.discard(opened)
            except StoreError as error:
                _log.debug("the cut-out will be told later: %s", error)

    def _transition(self, state: ReleaseState, opened: int) -> Transition:
        fault = self._faults[opened]
        assert state.candidate is not None
        return Transition(
            model=state.model,
            revision=state.revision + 1,
            action=Action.CUT_OUT,
            version=state.candidate,
            at=self._now(),
            who=f"service {self._worker}",
            why=f"{fault.kind}: {fault.detail}"[:500],
            evidence={"kind": fault.kind, "detail": fault.detail[:2000], "worker": self._worker},
        )
