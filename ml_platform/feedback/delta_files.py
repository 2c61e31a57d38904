"""The Parquet files of a Delta table, and which of them brought rows since an earlier version."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml_platform.addresses import without_secrets
from ml_platform.exceptions import StoreError

if TYPE_CHECKING:
    from deltalake import DeltaTable

NOTHING = -1
"""The version of a table that is not there."""

CHECKPOINT = {"delta.checkpointInterval": "10"}
"""After how many commits a table's log is summed up: who opens it reads each commit since then, at
a millisecond each, and a table is opened more often than written."""


class DeltaFiles:
    """The files of the table at `url`, a local path or the URL of an object store.

    storage_options: for the object store; it reads the usual environment variables as well.
    """

    def __init__(self, url: str, *, storage_options: Mapping[str, str] | None = None) -> None:
        self.url = url.removeprefix("file://").rstrip("/")
        self.storage_options = dict(storage_options) if storage_options else None

    @property
    def local(self) -> bool:
        """Whether the files lie on this machine."""
        return "://" not in self.url

    def open(self) -> "DeltaTable | None":
        """The newest version; None where there is no table. Raises StoreError."""
        from deltalake import DeltaTable
        from deltalake.exceptions import TableNotFoundError

        with clear_errors(f"cannot read {self.url}"):
            try:
                return DeltaTable(self.url, storage_options=self.storage_options)
            except TableNotFoundError:
                return None

    def added(self, table: "DeltaTable", *, since: int) -> list[str] | None:
        """Paths of the files whose rows are new to the table after version `since`.

        A compaction brings files and no rows; what it joined can still be read for a while. None
        where it cannot be told any more: the log is cut off, or a file that brought rows is gone.
        """
        with clear_errors(f"cannot read {self.url}"):
            active = {self._relative(uri) for uri in table.file_uris()}
            if since == NOTHING:
                return sorted(active)
            found: list[str] = []
            for version in range(since + 1, table.version() + 1):
                entries = self._commit(version)
                if entries is None:
                    return None
                adds = (entry["add"] for entry in entries if "add" in entry)
                found += [add["path"] for add in adds if add.get("dataChange", True)]
            return sorted(found) if self._there(set(found) - active) else None

    def paths(self, files: Sequence[str]) -> list[str]:
        """Where the files lie, for a reader of local ones."""
        return [f"{self.url}/{file}" for file in files]

    def filesystem(self) -> Any:
        """The table's folder as pyarrow takes it."""
        from deltalake.fs import DeltaStorageHandler
        from pyarrow.fs import LocalFileSystem, PyFileSystem, SubTreeFileSystem

        if self.local:
            return SubTreeFileSystem(self.url, LocalFileSystem())
        return PyFileSystem(DeltaStorageHandler(self.url, self.storage_options))

    def _there(self, files: set[str]) -> bool:
        found = self.filesystem().get_file_info(sorted(files)) if files else []
        return all(info.is_file for info in found)

    def _relative(self, uri: str) -> str:
        plain = uri.removeprefix("file://")
        return plain.removeprefix(self.url).lstrip("/")

    def _commit(self, version: int) -> list[dict[str, Any]] | None:
        try:
            with self.filesystem().open_input_stream(_commit_file(version)) as stream:
                text: str = stream.read().decode()
        except FileNotFoundError:
            return None
        return [json.loads(line) for line in text.splitlines() if line]


def newest_version(url: str, *, known: int = NOTHING) -> int:
    """The newest version of a local table, by looking for the commit after the known one.

    For a tick over a thousand tables: no file is read. Of a table in an object store the log is
    opened.
    """
    if "://" in url.removeprefix("file://"):
        table = DeltaFiles(url).open()
        return NOTHING if table is None else table.version()
    log = Path(url.removeprefix("file://"))
    if known == NOTHING:
        known = _listed(log / "_delta_log")
    while (log / _commit_file(known + 1)).exists():
        known += 1
    return known


@contextmanager
def clear_errors(what: str) -> Iterator[None]:
    """Turn what the vendors raise into a StoreError of one sentence."""
    import pyarrow as pa
    from deltalake.exceptions import DeltaError

    try:
        yield
    except (DeltaError, OSError, pa.ArrowException) as error:
        reason = without_secrets(" ".join(re.sub(r"\x1b\[[0-9;]*m", "", str(error)).split()))
        raise StoreError(f"{without_secrets(what)}: {reason[:300]}") from error


def _commit_file(version: int) -> str:
    return f"_delta_log/{version:020d}.json"


def _listed(log: Path) -> int:
    if not log.is_dir():
        return NOTHING
    return max((int(file.stem) for file in log.glob("*.json") if file.stem.isdigit()), default=-1)
