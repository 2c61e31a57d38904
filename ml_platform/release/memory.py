"""The in-memory twin of the release store."""

from collections.abc import Mapping
from threading import RLock

from ml_platform.release.evidence import Counts
from ml_platform.release.rows import ReleaseEvidence, StepEvidence
from ml_platform.release.state import Action, ReleaseState, Transition, apply
from ml_platform.release.store import check_revision
from ml_platform.release.worker import FORGOTTEN, WorkerReport


class InMemoryReleaseStore:
    """A release store for tests and dry runs; safe among threads."""

    def __init__(self) -> None:
        self._transitions: dict[str, list[Transition]] = {}
        self._states: dict[str, ReleaseState] = {}
        self._counts: dict[tuple[str, int, str], dict[tuple[int, str], Counts]] = {}
        self._workers: dict[tuple[str, str], WorkerReport] = {}
        self._lock = RLock()

    def append(self, transition: Transition, *, expected_revision: int) -> ReleaseState:
        """Store a transition if the model still is at `expected_revision`."""
        model = transition.model
        with self._lock:
            before = self.state(model)
            check_revision(transition, expected_revision=expected_revision, found=before.revision)
            after = apply(before, transition)
            self._transitions.setdefault(model, []).append(transition)
            self._states[model] = after
            if transition.action is Action.OPEN:
                kept = {k: v for k, v in self._counts.items() if k[0] != model}
                self._counts = kept
            return after

    def history(self, model: str, *, after: int = 0) -> list[Transition]:
        """The transitions of a model after a revision, the first one first."""
        return self._transitions.get(model, [])[after:]

    def state(self, model: str) -> ReleaseState:
        """The state of a model."""
        return self._states.get(model) or ReleaseState(model=model)

    def states(self) -> dict[str, ReleaseState]:
        """The state of every model that has transitions."""
        return dict(sorted(self._states.items()))

    def revision(self, model: str) -> int:
        """The revision of a model."""
        return self.state(model).revision

    def models(self) -> list[str]:
        """The models that have transitions, by name."""
        return sorted(self._transitions)

    def record_evidence(
        self, model: str, *, entered: int, worker: str, counts: Mapping[tuple[int, str], Counts]
    ) -> None:
        """Put what a worker counted so far at a step in place of its last."""
        if entered:
            with self._lock:
                before = self._counts.get((model, entered, worker), {})
                self._counts[model, entered, worker] = {**before, **counts}

    def evidence(self, model: str, *, entered: int) -> StepEvidence:
        """What all workers counted at a step, added up by (version, role)."""
        found: StepEvidence = {}
        with self._lock:
            for (name, at, _), counts in self._counts.items():
                if (name, at) == (model, entered):
                    for key, each in counts.items():
                        found[key] = found.get(key, Counts()) + each
        return found

    def open_evidence(self) -> dict[str, ReleaseEvidence]:
        """What was counted at each step of every release under way."""
        with self._lock:
            steps = {(model, entered) for model, entered, _ in self._counts}
            found: dict[str, ReleaseEvidence] = {}
            for model, entered in sorted(steps):
                if 0 < self.state(model).opened <= entered:
                    step = self.evidence(model, entered=entered)
                    found.setdefault(model, {})[entered] = step
        return found

    def report_worker(self, report: WorkerReport) -> None:
        """Put what a worker tells of itself in place of what it told before."""
        with self._lock:
            self._workers = {
                key: each
                for key, each in self._workers.items()
                if each.model != report.model or report.seen_at - each.seen_at <= FORGOTTEN
            }
            self._workers[report.model, report.worker] = report

    def workers(self, model: str) -> list[WorkerReport]:
        """The workers of a model, by name, also those that stopped within the last hour."""
        return [each for (name, _), each in sorted(self._workers.items()) if name == model]
