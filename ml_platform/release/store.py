"""Where transitions are kept: append-only, with compare-and-set on the revision."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from pydantic import ValidationError

from ml_platform.exceptions import NothingReleased, RevisionConflict, StoreError
from ml_platform.release.database import WRITES, open_engine, store_errors
from ml_platform.release.state import ReleaseState, Transition, apply, replay

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_CREATE = """
CREATE TABLE IF NOT EXISTS release_transitions (
    model TEXT NOT NULL,
    revision INTEGER NOT NULL,
    action TEXT NOT NULL,
    version INTEGER NOT NULL,
    at TEXT NOT NULL,
    who TEXT NOT NULL,
    why TEXT NOT NULL,
    evidence TEXT NOT NULL,
    PRIMARY KEY (model, revision)
)"""
_INSERT = """
INSERT INTO release_transitions (model, revision, action, version, at, who, why, evidence)
VALUES (:model, :revision, :action, :version, :at, :who, :why, :evidence)"""
_SELECT = """
SELECT model, revision, action, version, at, who, why, evidence
FROM release_transitions WHERE model = :model ORDER BY revision"""


class ReleaseStore(Protocol):
    """The transitions of every model. Raises StoreError when the store is away or refuses us."""

    def append(self, transition: Transition, *, expected_revision: int) -> ReleaseState:
        """Store a transition if the model still is at `expected_revision`; return the new state.

        Raises RevisionConflict when somebody else was first, ReleaseError when the state does not
        allow the transition; nothing is stored then.
        """
        ...

    def history(self, model: str) -> list[Transition]:
        """Every transition of a model, the first one first; empty for an unknown model."""
        ...

    def state(self, model: str) -> ReleaseState:
        """The state of a model; revision 0 before its first release."""
        ...

    def models(self) -> list[str]:
        """The models that have transitions, by name."""
        ...


def champion(store: ReleaseStore, model: str) -> int:
    """The version of a model that is live. Raises NothingReleased before the first release."""
    version = store.state(model).champion
    if version is None:
        released = ", ".join(store.models()) or "none"
        raise NothingReleased(f"no version of {model!r} is released yet (released: {released})")
    return version


def check_revision(transition: Transition, *, expected_revision: int, found: int) -> None:
    """Raise RevisionConflict unless the store still is where the transition was decided."""
    if found != expected_revision:
        raise RevisionConflict(
            f"{transition.model}: expected revision {expected_revision}, the store is at {found}; "
            "somebody else moved the release: read it again and decide anew"
        )


class SqlReleaseStore:
    """A release store behind a SQLAlchemy URL; the table is made when first needed.

    url: `sqlite:////absolute/path/release.db` or `postgresql://user:password@host/database`.
    The primary key (model, revision) is the compare-and-set: of two writers of one revision the
    database lets one through.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def append(self, transition: Transition, *, expected_revision: int) -> ReleaseState:
        """Store a transition if the model still is at `expected_revision`."""
        from sqlalchemy import text
        from sqlalchemy.exc import IntegrityError

        row = transition.model_dump(mode="json")
        row["evidence"] = json.dumps(row["evidence"], ensure_ascii=False, sort_keys=True)
        with self._connection("append to", writes=True) as connection:
            before = replay(transition.model, _read(connection, transition.model))
            check_revision(transition, expected_revision=expected_revision, found=before.revision)
            after = apply(before, transition)
            try:
                connection.execute(text(_INSERT), row)
            except IntegrityError as error:
                raise RevisionConflict(
                    f"{transition.model}: somebody else took revision {transition.revision} at the "
                    "same time; read the state again and decide anew"
                ) from error
            return after

    def history(self, model: str) -> list[Transition]:
        """Every transition of a model, the first one first."""
        with self._connection("read") as connection:
            return _read(connection, model)

    def state(self, model: str) -> ReleaseState:
        """The state of a model."""
        return replay(model, self.history(model))

    def models(self) -> list[str]:
        """The models that have transitions, by name."""
        from sqlalchemy import text

        with self._connection("read") as connection:
            found = connection.execute(text("SELECT DISTINCT model FROM release_transitions"))
            return sorted(str(row.model) for row in found)

    def close(self) -> None:
        """Give the connections back; the store opens new ones when it is used again."""
        self._engine.dispose()

    @contextmanager
    def _connection(
        self, doing: str, *, writes: bool = False
    ) -> "Generator[Connection, None, None]":
        with store_errors(doing, self.url), self._engine.connect() as connection:
            connection.execution_options(**{WRITES: writes})
            with connection.begin():
                yield connection

    @cached_property
    def _engine(self) -> "Engine":
        return open_engine(self.url, create=_CREATE)


def _read(connection: "Connection", model: str) -> list[Transition]:
    from sqlalchemy import text

    rows = connection.execute(text(_SELECT), {"model": model}).mappings()
    try:
        return [
            Transition.model_validate({**row, "evidence": json.loads(row["evidence"])})
            for row in rows
        ]
    except ValidationError as error:
        first = error.errors()[0]
        raise StoreError(
            f"the release store holds a transition of {model!r} that this version of ml_platform "
            f"cannot read: {first['loc'][0]} {first['input']!r}: {first['msg']}"
        ) from error
