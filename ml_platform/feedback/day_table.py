"""An append-only Delta table, one partition a day, that takes each part of a stream exactly once.

How far a stream was taken is written by the same commit as its rows, as Delta's application
transaction. A commit is bound to the version of the table that its writer looked at: whoever
comes second is told so, looks again, and finds what was taken in the meantime.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.addresses import without_secrets
from ml_platform.exceptions import StoreError
from ml_platform.feedback.day_file import (
    DAY,
    ROWS_AT_ONCE,
    by_day,
    day_of,
    days_between,
    is_day,
    put_day,
)
from ml_platform.feedback.delta_files import CHECKPOINT, NOTHING, DeltaFiles, clear_errors
from ml_platform.feedback.open_days import OpenDays

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from deltalake.transaction import AddAction

STREAM_MEMORY = timedelta(days=30)
"""How long the table remembers how far a stream was taken, after it was taken last."""

_PROPERTIES = {
    "delta.setTransactionRetentionDuration": f"interval {STREAM_MEMORY.days} days",
    **CHECKPOINT,
}
_SMALL_FILES = 8
_UNREAD_HOURS = 24


class Looked(NamedTuple):
    """The table as a writer found it: its version, -1 before the first, and its columns."""

    version: int
    schema: pa.Schema


class DayTable:
    """The table at `url`; made by its first append.

    schema: its columns, but for `day`. time: the column whose UTC date is the day.
    Raises StoreError, in one sentence, when the store is away, full or damaged.
    """

    def __init__(
        self,
        url: str,
        *,
        schema: pa.Schema,
        time: str,
        storage_options: dict[str, str] | None = None,
    ) -> None:
        self._files = DeltaFiles(url, storage_options=storage_options)
        self.url = self._files.url
        self.time = time
        self._schema = schema

    def look(self) -> Looked:
        """Return version and columns; those of the constructor before the first append."""
        with self._clear_errors("read"):
            table = self._files.open()
        if table is None:
            return Looked(-1, self._schema)
        return Looked(table.version(), _columns(table))

    def taken(self, streams: Iterable[str]) -> dict[str, int]:
        """Return how far each stream was taken; 0 for one that is unknown."""
        with self._clear_errors("read"):
            table = self._files.open()
            if table is None:
                return dict.fromkeys(streams, 0)
            return {stream: table.transaction_version(stream) or 0 for stream in streams}

    def append(self, rows: pa.Table, streams: Mapping[str, int], *, looked: Looked) -> bool:
        """Add rows, and say that streams are taken up to here, in one commit.

        rows: columns of the table, or some of them, and new ones, which are added to it.
        streams: name to position. looked: what `look` said before the rows were made.
        Returns False, having added nothing, when the table is another by now; new columns make
        it another, too. Look again then.
        """
        with self._clear_errors("write"):
            table = self._files.open() or self._create(rows.schema)
            if table.version() != max(looked.version, 0):
                return False
            if self._widened(table, rows.schema):
                return False
            filesystem = self._files.filesystem()
            files = [put_day(filesystem, part, day) for day, part in by_day(rows, self.time)]
            return self._committed(table, files, streams)

    def read(
        self,
        *,
        first: date | None = None,
        last: date | None = None,
        columns: Sequence[str] | None = None,
        where: pc.Expression | None = None,
    ) -> pa.Table:
        """Return rows of the days from `first` to `last`, both inclusive.

        Costs by these days, not by those that the table has.
        """
        with self._clear_errors("read"):
            return self._dataset(first, last).to_table(
                columns=columns, filter=days_between(first, last, also=where)
            )

    def batches(
        self, *, first: date | None, last: date | None, columns: Sequence[str]
    ) -> Iterator[pa.RecordBatch]:
        """Give the same a part at a time."""
        with self._clear_errors("read"):
            scanner = self._dataset(first, last).scanner(
                columns=list(columns), filter=days_between(first, last), batch_size=ROWS_AT_ONCE
            )
            yield from scanner.to_batches()

    def opened(self, *, first: date, last: date) -> OpenDays:
        """Open days for several reads: to open is most of what a read of few rows costs."""
        with self._clear_errors("read"):
            return OpenDays(self._dataset(first, last), url=self.url)

    def files_of_days(self) -> dict[date, int]:
        """Return how many files each day has, oldest day first."""
        with self._clear_errors("read"):
            table = self._files.open()
            if table is None:
                return {}
            days = pa.table(table.get_add_actions(flatten=True))[f"partition.{DAY}"].to_pylist()
        return {day: days.count(day) for day in sorted(set(days))}

    def compact(self, *, today: date) -> list[date]:
        """Join the files of days that have many; return those days.

        A day that is over is compacted once it has a few, today's when it has many. The files
        that were joined are deleted a day later, so that whoever reads them can end.
        """
        crowded = [
            day
            for day, files in self.files_of_days().items()
            if files >= (_SMALL_FILES if day < today else 4 * _SMALL_FILES)
        ]
        from deltalake.exceptions import CommitFailedError

        for day in crowded:
            with self._clear_errors("compact"), suppress(CommitFailedError):  # done by another
                table = self._existing()
                table.optimize.compact(partition_filters=[(DAY, "=", day.isoformat())])
        if crowded:
            self._vacuum()
        return crowded

    def retain(self, *, since: date) -> int:
        """Forget the days before `since`; return how many there were."""
        old = [day for day in self.files_of_days() if day < since]
        if old:
            with self._clear_errors("write"):
                self._existing().delete(f"{DAY} < '{since.isoformat()}'")
            self._vacuum()
        return len(old)

    def has_files(self, *, before: date) -> bool:
        """Tell whether a file of a day before this one lies there, also one of a forgotten day.

        Names are listed; nothing is read.
        """
        from pyarrow.fs import FileSelector

        with self._clear_errors("list"):
            filesystem = self._files.filesystem()
            folders = filesystem.get_file_info(FileSelector("", allow_not_found=True))
            old = [info.path for info in folders if is_day(info.base_name, before=before)]
            return any(filesystem.get_file_info(FileSelector(path)) for path in old)

    def clear(self, *, before: date) -> None:
        """Delete the files of days before this one that were forgotten a day ago or longer."""
        if self.has_files(before=before):
            self._vacuum()

    def _vacuum(self) -> None:
        with self._clear_errors("clear"):
            self._existing().vacuum(
                retention_hours=_UNREAD_HOURS, dry_run=False, enforce_retention_duration=False
            )

    def _committed(
        self,
        table: "DeltaTable",
        files: Sequence["AddAction"],
        streams: Mapping[str, int],
    ) -> bool:
        from deltalake import CommitProperties, Transaction
        from deltalake.exceptions import CommitFailedError

        at = int(time.time() * 1000)  # never a simulated one: the table forgets by the real one
        said = CommitProperties(
            max_commit_retries=0,
            app_transactions=[Transaction(name, upto, at) for name, upto in streams.items()],
        )
        try:
            table.create_write_transaction(
                list(files),
                mode="append",
                schema=table.schema(),
                partition_by=[DAY],
                commit_properties=said,
            )
        except CommitFailedError:
            return False
        return True

    def _widened(self, table: "DeltaTable", schema: pa.Schema) -> bool:
        """Add the columns that the table has not; its version grows by it."""
        from deltalake import Schema

        known = set(_columns(table).names)
        new = pa.schema([field for field in schema if field.name not in known])
        if new:
            table.alter.add_columns(list(Schema.from_arrow(new).fields))
        return len(new) > 0

    def _create(self, schema: pa.Schema) -> "DeltaTable":
        from deltalake import DeltaTable, Schema
        from deltalake.exceptions import DeltaError

        also = [field for field in schema if field.name not in self._schema.names]
        schema = pa.schema([*self._schema, *also, pa.field(DAY, pa.date32())])
        try:
            return DeltaTable.create(
                self.url,
                Schema.from_arrow(schema),
                partition_by=[DAY],
                configuration=_PROPERTIES,
                storage_options=self._files.storage_options,
            )
        except DeltaError:
            table = self._files.open()  # another was first
            if table is None:
                raise
            return table

    def _existing(self) -> "DeltaTable":
        table = self._files.open()
        if table is None:
            raise StoreError(f"there is no table at {without_secrets(self.url)} yet")
        return table

    def _dataset(self, first: date | None, last: date | None) -> Any:
        """The files of some days: a table has those of years."""
        import pyarrow.dataset as ds

        table = self._files.open()
        schema = self._schema.append(pa.field(DAY, pa.date32()))
        if table is None:
            return ds.dataset(schema.empty_table())
        schema = pa.schema(table.schema().to_arrow())
        files = self._files.added(table, since=NOTHING) or []
        low, high = (first or date.min).isoformat(), (last or date.max).isoformat()
        wanted = [file for file in files if low <= day_of(file) <= high]
        if not wanted:
            return ds.dataset(schema.empty_table())
        return ds.dataset(
            wanted,
            schema=schema,
            format="parquet",
            filesystem=self._files.filesystem(),
            partitioning=ds.partitioning(pa.schema([(DAY, pa.date32())]), flavor="hive"),
        )

    def _clear_errors(self, verb: str) -> AbstractContextManager[None]:
        return clear_errors(f"cannot {verb} {self.url}")


def today_utc(now: datetime) -> date:
    """The day of the tables at a moment."""
    return now.astimezone(UTC).date()


def _columns(table: "DeltaTable") -> pa.Schema:
    schema = pa.schema(table.schema().to_arrow())
    return schema.remove(schema.get_field_index(DAY))
