"""Where incidents are kept: beside the releases, in SQLite or Postgres."""

from collections.abc import Iterable
from threading import Lock
from typing import Protocol

from ml_platform.monitoring.incidents import Incident
from ml_platform.release.database import Database

_CREATE = (
    """
CREATE TABLE IF NOT EXISTS incidents (
    id TEXT NOT NULL PRIMARY KEY,
    model TEXT NOT NULL,
    closed INTEGER NOT NULL,
    opened TEXT NOT NULL,
    settled INTEGER NOT NULL,
    content TEXT NOT NULL
)""",
    "CREATE INDEX IF NOT EXISTS incidents_unsettled ON incidents (settled, model)",
)
_PUT = """
INSERT INTO incidents (id, model, closed, opened, settled, content)
VALUES (:id, :model, :closed, :opened, :settled, :content)
ON CONFLICT (id) DO UPDATE SET
    closed = excluded.closed, settled = excluded.settled, content = excluded.content"""


class IncidentStore(Protocol):
    """Incidents of all models. Raises StoreError when the store is away or refuses us."""

    def put(self, incidents: Iterable[Incident]) -> None:
        """Store incidents, each in place of the one with its id."""
        ...

    def unsettled(self) -> list[Incident]:
        """Every open incident, and closed ones whose end somebody is still to be told of."""
        ...

    def of(self, model: str, *, last: int = 50) -> list[Incident]:
        """The incidents of a model, the latest first."""
        ...


def settled(incident: Incident) -> bool:
    """Tell whether nothing more will happen to an incident."""
    told_of_its_end = incident.told is None or not incident.lacks("recovered")
    return incident.closed is not None and told_of_its_end


class SqlIncidentStore:
    """Incidents behind a SQLAlchemy URL; the table is made when first needed."""

    def __init__(self, url: str) -> None:
        self._database = Database(url, create=_CREATE)

    def put(self, incidents: Iterable[Incident]) -> None:
        """Store incidents, each in place of the one with its id."""
        from sqlalchemy import text

        rows = [_row(incident) for incident in incidents]
        if rows:
            with self._database.connection("write incidents to", writes=True) as connection:
                connection.execute(text(_PUT), rows)

    def unsettled(self) -> list[Incident]:
        """Every open incident, and closed ones whose end somebody is still to be told of."""
        return self._read("WHERE settled = 0 ORDER BY opened, id")

    def of(self, model: str, *, last: int = 50) -> list[Incident]:
        """The incidents of a model, the latest first."""
        return self._read(
            "WHERE model = :model ORDER BY opened DESC, id LIMIT :last", model=model, last=last
        )

    def close(self) -> None:
        """Give the connections back; the store opens new ones when it is used again."""
        self._database.close()

    def _read(self, where: str, **values: object) -> list[Incident]:
        from sqlalchemy import text

        with self._database.connection("read incidents from") as connection:
            found = connection.execute(text(f"SELECT content FROM incidents {where}"), values)
            return [Incident.model_validate_json(row.content) for row in found]


class InMemoryIncidentStore:
    """The twin of the store for tests and dry runs; safe among threads."""

    def __init__(self) -> None:
        self._incidents: dict[str, Incident] = {}
        self._lock = Lock()

    def put(self, incidents: Iterable[Incident]) -> None:
        """Store incidents, each in place of the one with its id."""
        with self._lock:
            self._incidents |= {incident.id: incident for incident in incidents}

    def unsettled(self) -> list[Incident]:
        """Every open incident, and closed ones whose end somebody is still to be told of."""
        found = [i for i in self._incidents.values() if not settled(i)]
        return sorted(found, key=lambda incident: (incident.opened, incident.id))

    def of(self, model: str, *, last: int = 50) -> list[Incident]:
        """The incidents of a model, the latest first."""
        found = [i for i in self._incidents.values() if i.model == model]
        return sorted(found, key=lambda incident: incident.opened, reverse=True)[:last]


def _row(incident: Incident) -> dict[str, object]:
    return {
        "id": incident.id,
        "model": incident.model,
        "closed": int(incident.closed is not None),
        "opened": incident.opened.isoformat(),
        "settled": int(settled(incident)),
        "content": incident.model_dump_json(),
    }
