"""Immutable snapshots of tables: each an own version of a Delta table, with a content hash.

A snapshot is one file, written first, then made visible by one commit to the table's log. Who
is killed before the commit leaves a file that nobody reads; who commits second finds the version
taken and commits the next. Versions are never vacuumed, and the log keeps them all.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import pandas as pd
from pydantic import Field

from ml_platform.data.arrow import ColumnLayout, content_hash, from_arrow, to_arrow
from ml_platform.data.delta import DeltaLog
from ml_platform.exceptions import SnapshotNotFound
from ml_platform.plugins import Strict


class Snapshot(Strict):
    """One immutable version of a table.

    table: such as `flight_delays/validated_data`.
    content_hash: SHA-256 hex over names, dtypes, values and the order of rows.
    metadata: what the writer said of it.
    """

    table: str
    version: int
    content_hash: str
    rows: int
    columns: tuple[str, ...]
    metadata: dict[str, str] = Field(default={})


class Snapshots(Protocol):
    """What a store of snapshots does; `ml_platform.testing.check_snapshot_store` proves it.

    Every method raises StoreError, in one sentence, when the store is away, full or damaged.
    """

    def write(
        self, table: str, frame: pd.DataFrame, *, metadata: dict[str, str] | None = None
    ) -> Snapshot:
        """Keep `frame` as the next version; return the latest one instead if it is the same.

        Safe with several writers at once, and when killed at any point. The index is not kept.
        """
        ...

    def read(
        self,
        table: str,
        *,
        version: int | None = None,
        content_hash: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Return a version, by number or hash, or the latest; all columns or some of them.

        Raises SnapshotNotFound, which names what there is.
        """
        ...

    def latest(self, table: str) -> Snapshot | None:
        """Return the newest version, None where there is none."""
        ...

    def history(self, table: str) -> list[Snapshot]:
        """Return every version, newest first."""
        ...


class SnapshotStore:
    """Snapshots in Delta tables under `data_url`, a local path or the URL of an object store.

    storage_options: for the object store; it reads the usual environment variables as well.
    """

    def __init__(self, data_url: str, *, storage_options: dict[str, str] | None = None) -> None:
        self.data_url = data_url.removeprefix("file://").rstrip("/")
        self.storage_options = storage_options

    def write(
        self, table: str, frame: pd.DataFrame, *, metadata: dict[str, str] | None = None
    ) -> Snapshot:
        """Keep `frame` as the next version; return the latest one instead if it is the same."""
        rows, layout = to_arrow(frame)
        record = {
            "content_hash": content_hash(layout, rows=len(frame)),
            "rows": len(frame),
            "layout": [column.model_dump() for column in layout],
            "metadata": metadata or {},
        }
        return _snapshot(table, *self._log(table).commit(rows, record, same="content_hash"))

    def read(
        self,
        table: str,
        *,
        version: int | None = None,
        content_hash: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Return a version, by number or hash, or the latest; all columns or some of them.

        Raises SnapshotNotFound; StoreError when the values are not those that were written.
        """
        log = self._log(table)
        if version is None and content_hash is None:
            newest = log.newest()
            entries = [newest] if newest is not None else []
        else:
            entries = log.entries()
        for number, record in entries:
            if version in (None, number) and content_hash in (None, record["content_hash"]):
                layout = _chosen(record, columns, where=f"{table} version {number}")
                rows = log.rows(record["file"], [column.stored for column in layout])
                return from_arrow(rows, layout, where=f"{table} version {number}")
        raise not_found(table, self.history(table), version=version, content_hash=content_hash)

    def latest(self, table: str) -> Snapshot | None:
        """Return the newest version, None where there is none."""
        newest = self._log(table).newest()
        return None if newest is None else _snapshot(table, *newest)

    def history(self, table: str) -> list[Snapshot]:
        """Return every version, newest first."""
        return [_snapshot(table, *entry) for entry in self._log(table).entries()]

    def _log(self, table: str) -> DeltaLog:
        url = f"{self.data_url}/{table}"
        what = f"the snapshots of {table} at {url}"
        return DeltaLog(url, what=what, storage_options=self.storage_options)


def not_found(
    table: str, history: list[Snapshot], *, version: int | None, content_hash: str | None
) -> SnapshotNotFound:
    """Say what was asked for and what there is."""
    asked = f"version {version}" if version is not None else f"hash {content_hash}"
    asked = asked if (version, content_hash) != (None, None) else "snapshot"
    there = ", ".join(f"{s.version} ({s.content_hash[:12]})" for s in history[:10]) or "none"
    return SnapshotNotFound(f"{table} has no {asked} (newest versions: {there})")


def _snapshot(table: str, version: int, record: dict[str, Any]) -> Snapshot:
    return Snapshot(
        table=table,
        version=version,
        content_hash=record["content_hash"],
        rows=record["rows"],
        columns=tuple(column["name"] for column in record["layout"]),
        metadata=record["metadata"],
    )


def _chosen(
    record: dict[str, Any], columns: Sequence[str] | None, *, where: str
) -> list[ColumnLayout]:
    known = {column["name"]: ColumnLayout.model_validate(column) for column in record["layout"]}
    missing = [name for name in columns or () if name not in known]
    if missing:
        raise SnapshotNotFound(f"{where} has no column {missing[0]!r} (it has: {', '.join(known)})")
    return list(known.values()) if columns is None else [known[name] for name in columns]
