"""Where segments of a journal lie: in the folders of its workers, or where they were moved to."""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from ml_platform.data.remote import opened, reached
from ml_platform.serving.journal.segment import CLOSED, NEW, OPEN, close_abandoned

_FORGOTTEN_SECONDS = 86_400


class SegmentFile(NamedTuple):
    """One segment as it was found.

    stream: worker and name; never used twice. size: bytes at that time; more may come to an open
    one. path: where it lies.
    """

    stream: str
    size: int
    closed: bool
    path: str


class Segments(Protocol):
    """Segments in one place. Raises OSError when the place is away."""

    def found(self) -> list[SegmentFile]:
        """Return all segments, the oldest first; those of dead writers are closed on the way."""
        ...

    def read(self, segment: SegmentFile, offset: int) -> bytes | None:
        """Return what it holds from `offset` on; None when it is not there any more."""
        ...

    def delete(self, segment: SegmentFile) -> None:
        """Delete a closed segment; one that is gone is no error."""
        ...


class LocalSegments:
    """The folders of the workers below a model's journal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def found(self) -> list[SegmentFile]:
        """Return all segments, the oldest first; those of dead writers are closed on the way."""
        segments: list[SegmentFile] = []
        for worker in worker_folders(self.folder):
            close_abandoned(worker)
            for path in worker.iterdir():
                if path.suffix in (OPEN, CLOSED):
                    segments.extend(_as_found(path))
            _forget(worker)
        return sorted(segments, key=lambda each: each.stream.rpartition("/")[2])

    def read(self, segment: SegmentFile, offset: int) -> bytes | None:
        """Return what it holds from `offset` on; None when it is not there any more."""
        try:
            with Path(segment.path).open("rb") as file:
                file.seek(offset)
                return file.read()
        except FileNotFoundError:
            return None

    def delete(self, segment: SegmentFile) -> None:
        """Delete a closed segment; one that is gone is no error."""
        path = Path(segment.path)
        path.with_suffix(CLOSED).unlink(missing_ok=True)


class MovedSegments:
    """Closed segments below an fsspec URL, as the shipper puts them there."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def found(self) -> list[SegmentFile]:
        """Return all segments, the oldest first."""
        system, root = opened(self.url)
        with reached(self.url):
            try:
                listed: dict[str, Any] = system.find(root, detail=True)
            except FileNotFoundError:
                return []
        segments = [
            SegmentFile(_stream(path), int(about["size"]), closed=True, path=path)
            for path, about in listed.items()
            if path.endswith(CLOSED)
        ]
        return sorted(segments, key=lambda each: each.stream.rpartition("/")[2])

    def read(self, segment: SegmentFile, offset: int) -> bytes | None:
        """Return what it holds from `offset` on; None when it is not there any more."""
        system, _ = opened(self.url)
        with reached(self.url):
            try:
                return system.cat_file(segment.path, start=offset)
            except FileNotFoundError:
                return None

    def delete(self, segment: SegmentFile) -> None:
        """Delete a segment; one that is gone is no error."""
        system, _ = opened(self.url)
        with reached(self.url), suppress(FileNotFoundError):
            system.rm_file(segment.path)


def worker_folders(journal: Path) -> Iterator[Path]:
    """Give the folders of the workers that wrote to a model's journal."""
    if journal.is_dir():
        yield from (path for path in sorted(journal.iterdir()) if path.is_dir())


def _forget(worker: Path) -> None:
    """Remove the folder of a worker that has had nothing in it for a day.

    One that comes back makes it anew.
    """
    with suppress(OSError):  # not empty, or another was first
        for path in worker.glob(f"*{NEW}"):
            if time.time() - path.stat().st_mtime > _FORGOTTEN_SECONDS:
                path.unlink()
        if time.time() - worker.stat().st_mtime > _FORGOTTEN_SECONDS:
            worker.rmdir()


def _as_found(path: Path) -> Iterator[SegmentFile]:
    try:
        size = path.stat().st_size
    except FileNotFoundError:  # closed or taken between the listing and now; found the next time
        return
    yield SegmentFile(_stream(str(path)), size, closed=path.suffix == CLOSED, path=str(path))


def _stream(path: str) -> str:
    worker, _, file = path.rpartition("/")
    return f"{worker.rpartition('/')[2]}/{file.partition('.')[0]}"
