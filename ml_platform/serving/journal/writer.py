"""The journal of one worker: what is answered was written before.

Everything that is added within one tick of the event loop is written by one `write(2)`; then the
answers are released. With `power` a thread also waits for the device, one group at a time, while
the next group gathers.
"""

import asyncio
import errno
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Literal
from zlib import crc32

from ml_platform.exceptions import JournalUnavailable
from ml_platform.serving.journal.group import Counts, Done, Group
from ml_platform.serving.journal.recent import RecentIds
from ml_platform.serving.journal.record import FEEDBACK, SENT, sent_id
from ml_platform.serving.journal.segment import FRAME, SegmentWriter, close_abandoned
from ml_platform.serving.journal.shipping import SegmentShipper
from ml_platform.spec.serving import JournalSpec

_RETRY_SECONDS = 0.05
_frame = FRAME.pack
_REASONS = {
    errno.ENOSPC: ("disk_full", "the disk is full"),
    errno.EDQUOT: ("disk_full", "the disk quota is used up"),
    errno.EFBIG: ("disk_full", "the file would be larger than this process may write"),
}


class Journal:
    """Append-only segments of one worker under `<folder>/<worker>/`; called on one event loop.

    folder: the model's journal. worker: unique among the workers of the model.
    durability: what a released answer survives: `process` the death of the process, `power` that
    of the machine.
    on_full: `refuse` releases an answer with JournalUnavailable where its record cannot be
    written; `serve_unlogged` releases it as if it were logged, and counts it.
    segment_bytes, segment_seconds: a segment is closed at this size or age.
    ship_to: fsspec URL to which closed segments are moved; None leaves them where they are.
    clock: seconds since 1970; only names segments, so it may jump.
    queue_bytes: what may wait to be written; more is refused with the reason "behind".
    """

    def __init__(
        self,
        folder: Path,
        *,
        worker: str,
        durability: Literal["process", "power"] = "process",
        on_full: Literal["refuse", "serve_unlogged"] = "refuse",
        segment_bytes: int = 64 * 1024 * 1024,
        segment_seconds: float = 60,
        ship_to: str | None = None,
        clock: Callable[[], float] = time.time,
        queue_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        self.folder = folder / worker
        self._power = durability == "power"
        self._unlogged_ok = on_full == "serve_unlogged"
        self._segment_bytes, self._segment_seconds = segment_bytes, segment_seconds
        self._queue_bytes = queue_bytes
        self._clock = clock
        self._counts = Counts()
        self._group, self._scheduled, self._closed = Group(), False, False
        self._recent = RecentIds()
        self._segment: SegmentWriter | None = None
        self._opened_at = 0.0
        self._retry_at, self._error = 0.0, JournalUnavailable("failed", "it never was")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._device = ThreadPoolExecutor(1, "journal") if self._power else None
        self._syncing: Future[JournalUnavailable | None] | None = None
        close_abandoned(self.folder)
        self._shipper = SegmentShipper(folder, ship_to) if ship_to else None

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Say which loop `add` is called on; needed before the first `add`."""
        self._loop = loop
        self._watch_age()

    def add(self, records: Sequence[bytes], done: Done) -> None:
        """Log records with what else comes in this tick, then call `done` on the loop.

        They are all predictions, or all labels. A prediction whose id the client made and that
        was logged before is not logged again.
        """
        group, labels = self._group, records[0].startswith(FEEDBACK)
        if self._closed or group.size > self._queue_bytes:
            detail = "it was closed" if self._closed else "too much waits for the disk"
            error = JournalUnavailable("closed" if self._closed else "behind", detail)
            done(self._verdict(error, len(records), labels=labels))
            return
        for record in records:
            if record.startswith(SENT) and self._is_repeated(record):
                continue
            size = len(record)
            group.parts += (_frame(size, crc32(record)), record)
            group.size += size
        if labels:
            group.labels += len(records)
            group.label_dones.append(done)
        else:
            group.dones.append(done)
        if not self._scheduled:
            self._scheduled = True
            assert self._loop is not None, "bind() comes before add()"
            self._loop.call_soon(self._commit)

    def _is_repeated(self, record: bytes) -> bool:
        """Say whether the client's id was logged before; count it, or note it for later."""
        mine = sent_id(record)
        if mine is None:
            return False
        if mine in self._recent:
            self._counts.repeated += 1
            return True
        self._group.sent.append(mine)
        return False

    def keep_to(self, declared: JournalSpec) -> None:
        """Log as declared anew from the next record on; called on the loop.

        Another durability begins another segment, once the device has the group under way.
        """
        self._unlogged_ok = declared.on_full == "serve_unlogged"
        self._segment_bytes = declared.segment_bytes
        self._segment_seconds = declared.segment_seconds
        power = declared.durability == "power"
        if power == self._power or self._closed:
            return
        if self._device is not None:
            self._device.shutdown(wait=True)
        self._device = ThreadPoolExecutor(1, "journal") if power else None
        self._end_segment()
        self._power = power

    def counts(self) -> Counts:
        """What came of the records so far."""
        return self._counts

    def rotate(self) -> None:
        """Close the open segment now, so that it can be ingested or shipped."""
        if self._device is None:
            self._end_segment()
        else:
            self._device.submit(self._end_segment)

    def close(self) -> None:
        """Write what waits, release its answers, close the segment; later records are refused."""
        if self._closed:
            return
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._device is not None:
            self._device.shutdown(wait=True)
        group, self._group = self._group, Group()
        self._settle(group, self._write(group))
        self._end_segment()
        if self._shipper is not None:
            self._shipper.close()

    def _commit(self) -> None:
        """Write the group that gathered, and begin the next."""
        if self._syncing is not None or self._closed:
            return  # what gathered is written when the device has the group before
        self._scheduled = False
        group, self._group = self._group, Group()
        if self._device is None:
            self._settle(group, self._write(group))
            return
        self._syncing = self._device.submit(self._write, group)
        self._syncing.add_done_callback(lambda written: self._from_thread(group, written))

    def _from_thread(self, group: Group, written: "Future[JournalUnavailable | None]") -> None:
        loop = self._loop
        assert loop is not None
        loop.call_soon_threadsafe(self._synced, group, written.result())

    def _synced(self, group: Group, error: JournalUnavailable | None) -> None:
        self._syncing = None
        self._settle(group, error)
        if self._scheduled:
            self._commit()

    def _write(self, group: Group) -> JournalUnavailable | None:
        """Put a group into the open segment; say what went wrong. On the thread with `power`."""
        if not group.parts:
            return None
        now = time.monotonic()
        if now < self._retry_at:
            return self._error
        try:
            segment = self._segment or self._begin_segment()
            segment.append(b"".join(group.parts))
            if self._power:
                segment.sync()
        except OSError as error:
            reason, detail = _REASONS.get(error.errno or 0, ("failed", error.strerror or "?"))
            self._error = JournalUnavailable(reason, f"{detail} ({self.folder})")
            self._retry_at = now + _RETRY_SECONDS
            self._end_segment()
            return self._error
        if segment.size >= self._segment_bytes:
            self._end_segment()
        return None

    def _settle(self, group: Group, error: JournalUnavailable | None) -> None:
        """Count a group and release its answers."""
        records, verdict, refused = len(group.parts) // 2, error, error
        if records:  # else all of it had been logged before
            self._counts.error = error
        if error is not None:
            verdict = self._verdict(error, records - group.labels, labels=False)
            refused = self._verdict(error, group.labels, labels=True)
        elif records:
            self._counts.groups += 1
            self._counts.records += records
            self._counts.bytes += group.size
            self._recent.add(group.sent)
        self._release(iter(group.dones), verdict)
        self._release(iter(group.label_dones), refused)

    def _verdict(
        self, error: JournalUnavailable, records: int, *, labels: bool
    ) -> JournalUnavailable | None:
        """Count what is not logged; return why it is refused. A label has nothing but its log."""
        if self._unlogged_ok and not labels:
            self._counts.unlogged += records
            return None
        self._counts.refused += records
        return error

    def _release(self, dones: Iterator[Done], error: JournalUnavailable | None) -> None:
        """Call every `done`; one that raises keeps no other from being called."""
        whole = False
        try:
            for done in dones:
                done(error)
            whole = True
        finally:
            if not whole and self._loop is not None:
                self._loop.call_soon(self._release, dones, error)

    def _begin_segment(self) -> SegmentWriter:
        self._segment = SegmentWriter(self.folder, at=self._clock(), durable=self._power)
        self._opened_at = time.monotonic()
        return self._segment

    def _end_segment(self) -> None:
        segment, self._segment = self._segment, None
        if segment is None:
            return
        try:
            segment.close()
        except OSError as error:  # its name stays; it is found to be abandoned later
            self._counts.close_errors += 1
            self._error = JournalUnavailable("failed", str(error))
        if self._shipper is not None:
            self._shipper.wake()

    def _watch_age(self) -> None:
        """Close a segment that is old although nothing comes any more."""
        assert self._loop is not None
        self._timer = self._loop.call_later(self._segment_seconds / 8, self._watch_age)
        segment = self._segment
        if segment is not None and time.monotonic() - self._opened_at >= self._segment_seconds:
            self.rotate()
