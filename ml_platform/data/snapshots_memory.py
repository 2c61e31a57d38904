"""Snapshots that live as long as the process: the twin for tests."""

from collections.abc import Sequence
from threading import Lock

import pandas as pd

from ml_platform.data.arrow import content_hash as hash_of
from ml_platform.data.arrow import to_arrow
from ml_platform.data.snapshots import Snapshot, not_found
from ml_platform.exceptions import SnapshotNotFound


class InMemorySnapshotStore:
    """The same promises as `SnapshotStore`, in memory."""

    def __init__(self) -> None:
        self._tables: dict[str, list[tuple[Snapshot, pd.DataFrame]]] = {}
        self._lock = Lock()

    def write(
        self, table: str, frame: pd.DataFrame, *, metadata: dict[str, str] | None = None
    ) -> Snapshot:
        """Keep `frame` as the next version; return the latest one instead if it is the same."""
        _, layout = to_arrow(frame)
        with self._lock:
            versions = self._tables.setdefault(table, [])
            snapshot = Snapshot(
                table=table,
                version=len(versions),
                content_hash=hash_of(layout, rows=len(frame)),
                rows=len(frame),
                columns=tuple(frame.columns),
                metadata=metadata or {},
            )
            if versions and versions[-1][0].content_hash == snapshot.content_hash:
                return versions[-1][0]
            versions.append((snapshot, frame.reset_index(drop=True).copy()))
            return snapshot

    def read(
        self,
        table: str,
        *,
        version: int | None = None,
        content_hash: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Return a version, by number or hash, or the latest; all columns or some of them."""
        for snapshot, frame in reversed(self._tables.get(table, [])):
            if version in (None, snapshot.version) and content_hash in (
                None,
                snapshot.content_hash,
            ):
                return _chosen(frame, columns, snapshot).copy()
        raise not_found(table, self.history(table), version=version, content_hash=content_hash)

    def latest(self, table: str) -> Snapshot | None:
        """Return the newest version, None where there is none."""
        return next(iter(self.history(table)), None)

    def history(self, table: str) -> list[Snapshot]:
        """Return every version, newest first."""
        return [snapshot for snapshot, _ in reversed(self._tables.get(table, []))]


def _chosen(frame: pd.DataFrame, columns: Sequence[str] | None, snapshot: Snapshot) -> pd.DataFrame:
    missing = [name for name in columns or () if name not in frame.columns]
    if missing:
        raise SnapshotNotFound(
            f"{snapshot.table} version {snapshot.version} has no column {missing[0]!r} "
            f"(it has: {', '.join(snapshot.columns)})"
        )
    return frame if columns is None else frame[list(columns)]
