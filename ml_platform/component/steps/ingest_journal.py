"""Move what services logged into the tables, exactly once.

Each batch is one commit that adds its rows and says up to where each segment was taken. A segment
is deleted when it is closed and all of it was taken, by this run or by one that was killed before
it could delete it. Labels are committed before the predictions that they lie between, with
positions of their own, so that no order of deaths loses or doubles one.
"""

import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.addresses import without_secrets
from ml_platform.component.platform import Platform
from ml_platform.component.steps.journal_batch import (
    Batch,
    batches,
    read_batch,
    set_aside_damage,
    set_aside_records,
)
from ml_platform.exceptions import StoreError
from ml_platform.feedback.day_table import Looked
from ml_platform.feedback.inference_table import InferenceTable, feature_fields
from ml_platform.feedback.labels_received import label_rows, labels_table
from ml_platform.feedback.record_rows import prediction_rows
from ml_platform.feedback.repeated import without_repeated
from ml_platform.serving.journal.segments import LocalSegments, MovedSegments, SegmentFile, Segments
from ml_platform.settings import Settings
from ml_platform.spec.load import Declaration

_TRIES = 20
_LOCK_SECONDS = 600


@dataclass
class IngestOutcome:
    """What one ingestion moved, and what it met on the way.

    rows: predictions added. labels: labels added. duplicates: predictions that were there.
    torn_bytes: of writes that a death cut off, never acknowledged. damaged_bytes: of the rest
    that is no record. unreadable: records that are whole but no prediction or label. unfit:
    predictions with a feature that is not of its type, added without it. All four are set aside.
    segments: deleted, as all of them was taken. waiting: left, as their writers live.
    newest: time of the latest prediction. counts: predictions by version and role.
    compacted: days whose files were joined. forgotten: days over the declared retention.
    """

    model: str
    rows: int = 0
    labels: int = 0
    duplicates: int = 0
    torn_bytes: int = 0
    damaged_bytes: int = 0
    unreadable: int = 0
    unfit: int = 0
    segments: int = 0
    waiting: int = 0
    bytes: int = 0
    newest: datetime | None = None
    counts: Counter[tuple[int, str]] = field(default_factory=Counter[tuple[int, str]])
    compacted: int = 0
    forgotten: int = 0
    seconds: float = 0.0


def ingest_journal(declaration: Declaration, platform: Platform, *, now: datetime) -> IngestOutcome:
    """Move the closed segments of a model, and the whole records of open ones, into its tables.

    Safe to kill at any point and to run twice at once; who comes second on this machine waits.
    Raises StoreError when a store is away or full; what was moved by then stays moved.
    """
    model, settings = declaration.spec.name, platform.settings
    outcome, began = IngestOutcome(model), time.perf_counter()
    with _one_at_a_time(settings, model), _clear_errors(model):
        for place in journal_places(settings, model):
            _Ingestion(declaration, settings, place, outcome).run()
        _tidy(declaration, settings, outcome, now)
    outcome.seconds = time.perf_counter() - began
    return outcome


def journal_places(settings: Settings, model: str) -> list[Segments]:
    """Where segments of a model may lie."""
    moved = settings.journal_url
    local = LocalSegments(settings.journal / model)
    return [local, MovedSegments(f"{moved.rstrip('/')}/{model}")] if moved else [local]


class _Ingestion:
    """One pass over the segments of one place."""

    def __init__(
        self, declaration: Declaration, settings: Settings, place: Segments, outcome: IngestOutcome
    ) -> None:
        self.spec = declaration.spec
        self.place = place
        self.outcome = outcome
        self.damaged = settings.damaged / self.spec.name
        self.table = InferenceTable(settings.data_url, self.spec.name)
        self.labels = labels_table(settings.data_url, self.spec.name)
        self.flush = self.spec.serving.journal.durability == "power"

    def run(self) -> None:
        """Take one batch after another."""
        for segments in batches(self.place.found()):
            batch = self._until_first(segments)
            if self.flush and batch.ended:  # the tables are on the disk before the journal is not
                os.sync()
            for segment in segments:
                if segment.stream in batch.ended:
                    self.place.delete(segment)
                    self.outcome.segments += 1
            self.outcome.waiting += sum(not segment.closed for segment in segments)

    def _until_first(self, segments: Sequence[SegmentFile]) -> Batch:
        """Look again as often as somebody else was first."""
        for _ in range(_TRIES):
            batch = self._take(segments)
            if batch is not None:
                return batch
        raise StoreError(f"{self.table.name}: {_TRIES} times another writer was first")

    def _take(self, segments: Sequence[SegmentFile]) -> Batch | None:
        """Commit what is new of some segments; None when another writer was first."""
        streams = [segment.stream for segment in segments]
        looked, labels_looked = self.table.look(), self.labels.look()
        before, labels_before = self.table.taken(streams), self.labels.taken(streams)
        batch = read_batch(self.place, segments, before, labels_taken=labels_before)
        if not batch.moved:
            return batch
        set_aside_damage(self.damaged, batch.damages)
        if not self._take_labels(batch, labels_looked):
            return None
        fields = feature_fields(
            self.spec.data.contract,
            target=self.spec.data.target,
            sensitive=self.spec.serving.journal.sensitive,
            known=looked.schema,
        )
        rows = prediction_rows(batch.predictions, fields, segments=batch.segments)
        set_aside_records(self.damaged, rows.unreadable, kind="unreadable")
        set_aside_records(self.damaged, rows.unfit, kind="unfit")
        unique = without_repeated(rows, self.table)
        if not self.table.append(unique, batch.moved, looked=looked):
            return None
        self._count(batch, unique, duplicates=rows.table.num_rows - unique.num_rows)
        self.outcome.unreadable += len(rows.unreadable)
        self.outcome.unfit += len(rows.unfit)
        return batch

    def _take_labels(self, batch: Batch, looked: Looked) -> bool:
        if not batch.labels:
            return True
        rows = label_rows(batch.labels)
        set_aside_records(self.damaged, rows.unreadable, kind="unreadable")
        if not self.labels.append(rows.table, batch.moved, looked=looked):
            return False
        self.outcome.labels += rows.table.num_rows
        self.outcome.unreadable += len(rows.unreadable)
        return True

    def _count(self, batch: Batch, rows: pa.Table, *, duplicates: int) -> None:
        outcome = self.outcome
        outcome.rows += rows.num_rows
        outcome.duplicates += duplicates
        outcome.bytes += batch.size
        for _, damage in batch.damages:
            if damage.kind == "torn":
                outcome.torn_bytes += len(damage.content)
            else:
                outcome.damaged_bytes += len(damage.content)
        if rows.num_rows:
            newest = pc.max(rows["time"]).as_py()
            outcome.newest = max(outcome.newest or newest, newest)
            groups = rows.group_by(["version", "role"]).aggregate([([], "count_all")]).to_pylist()
            for group in groups:
                outcome.counts[group["version"], group["role"]] += group["count_all"]


def _tidy(
    declaration: Declaration, settings: Settings, outcome: IngestOutcome, now: datetime
) -> None:
    """Forget what is over the declared retention, also of a model that is asked no more.

    Where something came, join small files too; that deletes what is not needed any more as well.
    """
    spec = declaration.spec
    table = InferenceTable(settings.data_url, spec.name)
    days = spec.serving.journal.retention_days
    if days is not None:
        outcome.forgotten = table.retain(days, now=now)
    if not outcome.rows and not outcome.labels:
        if days is not None:
            table.clear(days, now=now)
        return
    outcome.compacted = len(table.compact(now=now))
    labels_table(settings.data_url, spec.name).compact(today=now.astimezone(UTC).date())


@contextmanager
def _one_at_a_time(settings: Settings, model: str) -> Iterator[None]:
    """Let a second ingestion on this machine wait: it would read for nothing."""
    from filelock import FileLock, Timeout

    folder = settings.home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / f"ingest_{model}.lock", timeout=_LOCK_SECONDS):
            yield
    except Timeout as error:
        raise StoreError(
            f"{model}: another ingestion has been under way for {_LOCK_SECONDS} s"
        ) from error


@contextmanager
def _clear_errors(model: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = without_secrets(" ".join(str(error).split()))[:300]
        raise StoreError(f"cannot read the journal of {model}: {reason}") from error
