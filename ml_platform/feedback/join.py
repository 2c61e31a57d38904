"""Labels joined to predictions, incrementally and exactly once.

Each run takes the labels that came since the last one, tries the unknown ones again, and rewrites
the days of the predictions they belong to, in one commit of `labeled_feedback` that also says up
to where it read. A run that is killed leaves files that nobody reads; of two at once, the second
finds the table moved and begins again. What becomes of a label is told in docs/feedback.md.
"""

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING
from uuid import uuid4

from ml_platform.addresses import without_secrets
from ml_platform.exceptions import StoreError
from ml_platform.feedback import inference_table, labels_received
from ml_platform.feedback.delta_files import DeltaFiles
from ml_platform.feedback.duck import MEMORY, duckdb_over
from ml_platform.feedback.label_contract import LabelContract
from ml_platform.feedback.label_staging import Staging, Tables
from ml_platform.feedback.labeled import (
    JoinRecord,
    LabeledTable,
    added_file,
)

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from deltalake.transaction import AddAction

_TRIES = 10
_LEFT_BEHIND = 24 * 3600.0


@dataclass(frozen=True)
class JoinOutcome:
    """What a run did.

    record: of the table as it is now. fresh: labels that came since the last run.
    waited: labels that were unknown and tried again. changed: whether anything was written.
    parts: rows written, by partition.
    """

    record: JoinRecord
    fresh: int = 0
    waited: int = 0
    changed: bool = False
    parts: Mapping[str, int] = field(default_factory=dict[str, int])


class LabelJoin:
    """The join of one model. Raises StoreError where a table is away, full or damaged."""

    def __init__(
        self, data_url: str, model: str, *, contract: LabelContract, memory: str = MEMORY
    ) -> None:
        root = f"{data_url.rstrip('/')}/{model}"
        self.labels = DeltaFiles(f"{root}/{labels_received.NAME}")
        self.log = DeltaFiles(f"{root}/{inference_table.NAME}")
        self.labeled = LabeledTable(data_url, model)
        self.contract = contract
        self.memory = memory

    def run(self) -> JoinOutcome:
        """Join what came since the last run."""
        for _ in range(_TRIES):
            outcome = self._try()
            if outcome is not None:
                return outcome
        where = without_secrets(self.labeled.files.url)
        raise StoreError(f"cannot write {where}: another writer is always first")

    def _try(self) -> JoinOutcome | None:
        """One attempt; None when another writer was first."""
        inbox = self.labels.open()
        if inbox is None:
            return JoinOutcome(JoinRecord())
        table = self.labeled.create()
        before = self.labeled.record(table)
        tables = Tables(
            labels=self.labels,
            log=self.log,
            labeled=self.labeled,
            inbox=inbox,
            predictions=self.log.open(),
            table=table,
            before=before,
        )
        if not tables.anything_new:
            return JoinOutcome(before)
        with self._staging_folder() as folder, duckdb_over(folder, memory=self.memory) as duck:
            staging = Staging(duck, folder, tables, self.contract)
            change = staging.run()
            if not any(change.values()):
                return JoinOutcome(before)
            return self._commit(table, staging, staging.record_after(change))

    def _commit(
        self, table: "DeltaTable", staging: Staging, after: JoinRecord
    ) -> JoinOutcome | None:
        actions = [
            self._placed(file, part, rows)
            for part, files in staging.finished.items()
            for file, rows in files.items()
        ]
        if not self.labeled.commit(table, replaced=staging.replaced, added=actions, record=after):
            return None
        return JoinOutcome(
            after,
            fresh=staging.fresh_rows,
            waited=staging.waiting_rows,
            changed=True,
            parts={part: sum(files.values()) for part, files in staging.finished.items()},
        )

    def _placed(self, file: Path, part: str, rows: int) -> "AddAction":
        """Bring a finished file to where the table can name it."""
        where = self.labeled.files
        path = f"part={part}/{uuid4()}.parquet"
        size = file.stat().st_size
        if where.local:
            target = Path(where.url) / path
            target.parent.mkdir(exist_ok=True)
            file.replace(target)
        else:
            import pyarrow.fs

            pyarrow.fs.copy_files(
                str(file),
                path,
                source_filesystem=pyarrow.fs.LocalFileSystem(),
                destination_filesystem=where.filesystem(),
            )
        return added_file(path, part=part, rows=rows, size=size, at=time.time())

    @contextmanager
    def _staging_folder(self) -> Iterator[Path]:
        """A folder on the disk of the table, where that is local, so that a move is a rename."""
        if self.labeled.files.local:
            root = Path(self.labeled.files.url) / "_staging"
            root.mkdir(parents=True, exist_ok=True)
            _clear(root)
        else:
            root = None
        folder = Path(mkdtemp(dir=root))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _clear(root: Path) -> None:
    """Remove what runs that were killed left behind."""
    for folder in root.iterdir():
        try:
            if time.time() - folder.stat().st_mtime > _LEFT_BEHIND:
                shutil.rmtree(folder, ignore_errors=True)
        except FileNotFoundError:  # another run cleared it
            continue
