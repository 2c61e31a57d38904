"""The versions of one Delta table, each written whole as one Parquet file.

The file is written here rather than by `write_deltalake`, which does not keep the order of rows
in a stream of batches (1.6.6) and takes twice the time.
"""

import json
import random
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pyarrow as pa

from ml_platform.addresses import without_secrets
from ml_platform.data.arrow import ROWS_AT_ONCE
from ml_platform.exceptions import StoreError

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from deltalake.transaction import AddAction

_KEY = "ml_platform"
_TRIES = 100
_LOG_OF_ALL_TIMES = {
    "delta.logRetentionDuration": "interval 36500 days",
    "delta.deletedFileRetentionDuration": "interval 36500 days",
    "delta.enableExpiredLogCleanup": "false",
}
_REASONS = {
    "os error 28": "the disk is full",
    "os error 122": "the disk quota is used up",
    "os error 27": "the file would be larger than this process may write",
    "os error 13": "permission denied",
    "os error 30": "the file system is read-only",
    "os error 111": "nothing answers at its address",
}


class DeltaLog:
    """What was committed to the table at `url`, and how to commit more.

    what: names the table in errors, with its address.
    """

    def __init__(self, url: str, *, what: str, storage_options: dict[str, str] | None) -> None:
        self.url = url
        self.what = what
        self.storage_options = storage_options

    def entries(self) -> list[tuple[int, dict[str, Any]]]:
        """Return version and record of every commit of ours, newest first.

        Commits by others, such as a compaction, have no record and are passed over.
        """
        with _clear_errors(f"cannot read {self.what}"):
            table = self._open()
            return [] if table is None else _records(table, limit=None)

    def newest(self) -> tuple[int, dict[str, Any]] | None:
        """Return the first of `entries`, reading one commit where that suffices."""
        with _clear_errors(f"cannot read {self.what}"):
            return _newest(self._open())

    def rows(self, file: str, columns: Sequence[str]) -> pa.Table:
        """Return columns of a committed file, rows in the order in which they were written."""
        import pyarrow.parquet as pq

        with _clear_errors(f"cannot read {self.what}"):
            return pq.read_table(file, columns=list(columns), filesystem=self._filesystem())

    def commit(
        self, rows: pa.Table, record: dict[str, Any], *, same: str
    ) -> tuple[int, dict[str, Any]]:
        """Make `rows` the newest version; return its number and record.

        Where the newest record has the same value under the key `same`, that one is returned
        and nothing is written; looked at anew whenever another writer was first. The file is
        written once, whatever the number of tries.
        """
        with _clear_errors(f"cannot write {self.what}"):
            action: AddAction | None = None
            for attempt in range(_TRIES):
                table = self._open()
                last = _newest(table)
                if last is not None and last[1][same] == record[same]:
                    return last
                action = action or self._put(rows)
                record = {**record, "file": action.path}
                if self._added(table, action, rows.schema, record):
                    return self._number(action.path), record
                time.sleep(random.uniform(0, 0.01) * min(attempt + 1, 20))
        first = f"{_TRIES} times another writer was first"
        raise StoreError(without_secrets(f"cannot write {self.what}: {first}"))

    def _open(self) -> "DeltaTable | None":
        from deltalake import DeltaTable
        from deltalake.exceptions import TableNotFoundError

        try:
            return DeltaTable(self.url, storage_options=self.storage_options)
        except TableNotFoundError:
            return None

    def _put(self, rows: pa.Table) -> "AddAction":
        import pyarrow.parquet as pq
        from deltalake.transaction import AddAction

        file = f"part-00000-{uuid4()}.parquet"
        if "://" not in self.url:
            Path(self.url).mkdir(parents=True, exist_ok=True)
        filesystem = self._filesystem()
        texts = [field.name for field in rows.schema if field.type == pa.large_string()]
        try:
            with filesystem.open_output_stream(file) as stream:
                pq.write_table(rows, stream, row_group_size=ROWS_AT_ONCE, use_dictionary=texts)
        except OSError:
            with suppress(OSError):  # what little came to be need not fill the disk
                filesystem.delete_file(file)
            raise
        return AddAction(
            path=file,
            size=filesystem.get_file_info(file).size,
            partition_values={},
            modification_time=int(time.time() * 1000),
            data_change=True,
            stats=json.dumps({"numRecords": rows.num_rows}),
        )

    def _added(
        self,
        table: "DeltaTable | None",
        action: "AddAction",
        schema: pa.Schema,
        record: dict[str, Any],
    ) -> bool:
        """Commit; say False when another writer was first."""
        from deltalake import CommitProperties, Schema
        from deltalake.exceptions import CommitFailedError, DeltaError
        from deltalake.transaction import create_table_with_add_actions

        said = CommitProperties(custom_metadata={_KEY: json.dumps(record)}, max_commit_retries=0)
        form = Schema.from_arrow(schema)
        try:
            if table is None:
                create_table_with_add_actions(
                    self.url,
                    form,
                    [action],
                    configuration=_LOG_OF_ALL_TIMES,
                    storage_options=self.storage_options,
                    commit_properties=said,
                )
            else:
                table.create_write_transaction(
                    [action], mode="overwrite", schema=form, commit_properties=said
                )
        except CommitFailedError:
            return False
        except DeltaError:
            if table is None and self._open() is not None:
                return False
            raise
        return True

    def _number(self, file: str) -> int:
        found = (version for version, record in self.entries() if record["file"] == file)
        return next(found)

    def _filesystem(self) -> Any:
        """The place as pyarrow takes it; a local one plainly, its errors are clearer."""
        from deltalake.fs import DeltaStorageHandler
        from pyarrow.fs import LocalFileSystem, PyFileSystem, SubTreeFileSystem

        if "://" in self.url:
            return PyFileSystem(DeltaStorageHandler(self.url, self.storage_options))
        return SubTreeFileSystem(self.url, LocalFileSystem())


@contextmanager
def _clear_errors(what: str) -> Iterator[None]:
    """Turn what the vendors raise into a StoreError of one sentence."""
    from deltalake.exceptions import DeltaError

    try:
        yield
    except (DeltaError, OSError, pa.ArrowException) as error:
        raise StoreError(f"{without_secrets(what)}: {_reason(error)}") from error


def _newest(table: "DeltaTable | None") -> tuple[int, dict[str, Any]] | None:
    if table is None:
        return None
    last = _records(table, limit=1) or _records(table, limit=None)
    return last[0] if last else None


def _records(table: "DeltaTable", *, limit: int | None) -> list[tuple[int, dict[str, Any]]]:
    """Return version and record of the latest commits of ours, newest first.

    delta-rs (1.6.6) lists commits that came after `table` was opened, too, and numbers all as if
    the newest were the version that it opened.
    """
    commits = table.history(limit)
    since = max(0, len(commits) - (limit or table.version() + 1))
    return [
        (commit["version"] + since, json.loads(commit[_KEY]))
        for commit in commits
        if _KEY in commit
    ]


def _reason(error: BaseException) -> str:
    """Say in one line why, in our words where the system's number for it is known.

    The first failure may be hidden behind one of closing the file, so the chain is followed.
    """
    chain: list[str] = []
    link: BaseException | None = error
    while link is not None:
        chain.append(re.sub(r"\x1b\[[0-9;]*m", "", str(link)) or type(link).__name__)
        link = link.__cause__ or link.__context__
    for sign, reason in _REASONS.items():
        number = sign.removeprefix("os error ")
        if any(f"{sign})" in text or f"[Errno {number}]" in text for text in chain):
            return reason
    return without_secrets(" ".join(chain[0].split()))[:300]
