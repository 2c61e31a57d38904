"""Where releases are kept: transitions, append-only with compare-and-set, evidence, workers."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from ml_platform.exceptions import NothingReleased, RevisionConflict
from ml_platform.release import rows, tables
from ml_platform.release.database import Database
from ml_platform.release.evidence import Counts
from ml_platform.release.rows import ReleaseEvidence, StepEvidence
from ml_platform.release.state import Action, ReleaseState, Transition, apply, replay
from ml_platform.release.worker import FORGOTTEN, WorkerReport

if TYPE_CHECKING:
    from sqlalchemy import Connection, CursorResult


class ReleaseStore(Protocol):
    """The releases of every model. Raises StoreError when the store is away or refuses us."""

    def append(self, transition: Transition, *, expected_revision: int) -> ReleaseState:
        """Store a transition if the model still is at `expected_revision`; return the new state.

        Raises RevisionConflict when somebody else was first, ReleaseError when the state does not
        allow the transition; nothing is stored then.
        """
        ...

    def history(self, model: str, *, after: int = 0) -> list[Transition]:
        """The transitions of a model after a revision, the first one first."""
        ...

    def state(self, model: str) -> ReleaseState:
        """The state of a model; revision 0 before its first release."""
        ...

    def states(self) -> dict[str, ReleaseState]:
        """The state of every model that has transitions, in one query."""
        ...

    def revision(self, model: str) -> int:
        """The revision of a model, for those who poll it."""
        ...

    def models(self) -> list[str]:
        """The models that have transitions, by name."""
        ...

    def record_evidence(
        self, model: str, *, entered: int, worker: str, counts: Mapping[tuple[int, str], Counts]
    ) -> None:
        """Put what a worker counted so far at a step, by (version, role), in place of its last.

        entered: `ReleaseState.entered` of the step. With 0 no release is under way, and nothing is
        kept. What belongs to a release is forgotten when the next one opens.
        """
        ...

    def evidence(self, model: str, *, entered: int) -> StepEvidence:
        """What all workers counted at a step, added up by (version, role)."""
        ...

    def open_evidence(self) -> dict[str, ReleaseEvidence]:
        """What was counted at each step of every release under way, by model and `entered`."""
        ...

    def report_worker(self, report: WorkerReport) -> None:
        """Put what a worker tells of itself in place of what it told before."""
        ...

    def workers(self, model: str) -> list[WorkerReport]:
        """The workers of a model, by name, also those that stopped within the last hour."""
        ...


def champion(store: ReleaseStore, model: str) -> int:
    """The version of a model that is live. Raises NothingReleased before the first release."""
    version = store.state(model).champion
    if version is None:
        raise NothingReleased(model, store.models())
    return version


def check_revision(transition: Transition, *, expected_revision: int, found: int) -> None:
    """Raise RevisionConflict unless the store still is where the transition was decided."""
    if found != expected_revision:
        raise RevisionConflict(
            f"{transition.model}: expected revision {expected_revision}, the store is at {found}; "
            "somebody else moved the release: read it again and decide anew"
        )


class SqlReleaseStore:
    """A release store behind a SQLAlchemy URL; the tables are made when first needed.

    url: `sqlite:////absolute/path/release.db` or `postgresql://user:password@host/database`.
    The primary key (model, revision) is the compare-and-set: of two writers of one revision the
    database lets one through. The state after each transition is kept beside it in the same
    transaction; where it is not of the last transition it is replayed.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url, create=tables.CREATE, added=tables.ADDED)

    def append(self, transition: Transition, *, expected_revision: int) -> ReleaseState:
        """Store a transition if the model still is at `expected_revision`."""
        from sqlalchemy.exc import IntegrityError

        model, revision = transition.model, transition.revision
        with self._database.connection("append to", writes=True) as connection:
            before = _state(connection, model)
            check_revision(transition, expected_revision=expected_revision, found=before.revision)
            after = apply(before, transition)
            try:
                _run(connection, tables.INSERT, **rows.transition_row(transition))
            except IntegrityError as error:
                raise RevisionConflict(
                    f"{model}: somebody else took revision {revision} at the same time; read the "
                    "state again and decide anew"
                ) from error
            _run(connection, tables.PUT_STATE, **rows.state_row(after))
            if transition.action is Action.OPEN:
                _run(connection, tables.FORGET_EVIDENCE, model=model, revision=revision)
            return after

    def history(self, model: str, *, after: int = 0) -> list[Transition]:
        """The transitions of a model after a revision, the first one first."""
        with self._database.connection("read") as connection:
            return _history(connection, model, after=after)

    def state(self, model: str) -> ReleaseState:
        """The state of a model."""
        with self._database.connection("read") as connection:
            return _state(connection, model)

    def states(self) -> dict[str, ReleaseState]:
        """The state of every model that has transitions."""
        with self._database.connection("read") as connection:
            read = _run(connection, tables.STATES).mappings().all()
            behind = set(_run(connection, tables.BEHIND).scalars())
            found = {r["model"]: rows.state(r) for r in read if r["model"] not in behind}
            replayed = behind | {model for model, state in found.items() if state is None}
            whole = {model: state for model, state in found.items() if state is not None}
            whole |= {model: _state(connection, model) for model in replayed}
            return dict(sorted(whole.items()))

    def revision(self, model: str) -> int:
        """The revision of a model."""
        with self._database.connection("read") as connection:
            return int(_run(connection, tables.REVISION, model=model).scalar_one())

    def models(self) -> list[str]:
        """The models that have transitions, by name."""
        with self._database.connection("read") as connection:
            return sorted(str(name) for name in _run(connection, tables.MODELS).scalars())

    def record_evidence(
        self, model: str, *, entered: int, worker: str, counts: Mapping[tuple[int, str], Counts]
    ) -> None:
        """Put what a worker counted so far at a step in place of its last."""
        if entered == 0 or not counts:
            return
        found = [
            {"version": int(version), "role": str(role), "counts": each.to_json()}
            for (version, role), each in counts.items()
        ]
        where = {"model": model, "entered": entered, "worker": worker}
        with self._database.connection("write to", writes=True) as connection:
            for row in found:
                _run(connection, tables.PUT_EVIDENCE, **where, **row)

    def evidence(self, model: str, *, entered: int) -> StepEvidence:
        """What all workers counted at a step, added up by (version, role)."""
        with self._database.connection("read") as connection:
            read = _run(connection, tables.EVIDENCE, model=model, entered=entered).mappings()
            return rows.release_evidence(read).get(model, {}).get(entered, {})

    def open_evidence(self) -> dict[str, ReleaseEvidence]:
        """What was counted at each step of every release under way."""
        with self._database.connection("read") as connection:
            return rows.release_evidence(_run(connection, tables.OPEN_EVIDENCE).mappings())

    def report_worker(self, report: WorkerReport) -> None:
        """Put what a worker tells of itself in place of what it told before."""
        before = report.seen_seconds - FORGOTTEN.total_seconds()
        with self._database.connection("write to", writes=True) as connection:
            _run(connection, tables.FORGET_WORKERS, model=report.model, before=before)
            _run(connection, tables.PUT_WORKER, **rows.worker_row(report))

    def workers(self, model: str) -> list[WorkerReport]:
        """The workers of a model, by name, also those that stopped within the last hour."""
        with self._database.connection("read") as connection:
            found = _run(connection, tables.WORKERS, model=model).mappings()
            return [rows.worker(row) for row in found]

    def close(self) -> None:
        """Give the connections back; the store opens new ones when it is used again."""
        self._database.close()


def _run(connection: "Connection", statement: str, **values: Any) -> "CursorResult[Any]":
    from sqlalchemy import text

    return connection.execute(text(statement), values)


def _state(connection: "Connection", model: str) -> ReleaseState:
    """The kept state where it is that of the last transition, else the replayed one."""
    last = int(_run(connection, tables.REVISION, model=model).scalar_one())
    row = _run(connection, tables.STATE, model=model).mappings().first()
    kept = rows.state(row) if row is not None and row["revision"] == last else None
    return kept or replay(model, _history(connection, model))


def _history(connection: "Connection", model: str, *, after: int = 0) -> list[Transition]:
    found = _run(connection, tables.HISTORY, model=model, after=after).mappings()
    return [rows.transition(row) for row in found]
