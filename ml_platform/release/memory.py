"""The in-memory twin of the release store."""

from threading import Lock

from ml_platform.release.state import ReleaseState, Transition, apply, replay
from ml_platform.release.store import check_revision


class InMemoryReleaseStore:
    """A release store for tests and dry runs; safe among threads."""

    def __init__(self) -> None:
        self._transitions: dict[str, list[Transition]] = {}
        self._lock = Lock()

    def append(self, transition: Transition, *, expected_revision: int) -> ReleaseState:
        """Store a transition if the model still is at `expected_revision`."""
        with self._lock:
            before = self.state(transition.model)
            check_revision(transition, expected_revision=expected_revision, found=before.revision)
            after = apply(before, transition)
            self._transitions.setdefault(transition.model, []).append(transition)
            return after

    def history(self, model: str) -> list[Transition]:
        """Every transition of a model, the first one first."""
        return list(self._transitions.get(model, []))

    def state(self, model: str) -> ReleaseState:
        """The state of a model."""
        return replay(model, self.history(model))

    def models(self) -> list[str]:
        """The models that have transitions, by name."""
        return sorted(self._transitions)
