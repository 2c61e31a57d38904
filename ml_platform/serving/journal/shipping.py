"""Closed segments on their way from a worker's disk to shared storage."""

import logging
import threading
from pathlib import Path
from typing import Any

from ml_platform.serving.journal.segment import CLOSED, close_abandoned

_EVERY_SECONDS = 10.0
_LONGEST_PAUSE = 60.0
UNFINISHED = ".unfinished"


class Shipper:
    """Moves closed segments of every worker of a model to an fsspec URL, in a thread.

    A segment is deleted here when all of it is there; until then it is tried again and again.
    Two workers that ship the same segment write the same bytes under the same name.
    folder: the model's journal. url: gets `<worker>/<segment>.seg`.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url.rstrip("/")
        self.failed: str = ""
        self._wake, self._closed = threading.Event(), False
        self._thread = threading.Thread(target=self._run, name="journal-shipper", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Say that there is something to ship."""
        self._wake.set()

    def close(self, *, timeout: float = 10) -> None:
        """Try once more, for some seconds at most; what stays is shipped by the next worker."""
        self._closed = True
        self._wake.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        pause = _EVERY_SECONDS
        while True:
            closing = self._closed
            pause = _EVERY_SECONDS if self._ship_all() else min(pause * 2, _LONGEST_PAUSE)
            if closing:
                return
            self._wake.wait(pause)
            self._wake.clear()

    def _ship_all(self) -> bool:
        try:
            for worker in sorted(path for path in self.folder.glob("*") if path.is_dir()):
                close_abandoned(worker)
                for segment in sorted(worker.glob(f"*{CLOSED}")):
                    ship(segment, f"{self.url}/{worker.name}")
        except (OSError, ImportError, ValueError) as error:
            if not self.failed:  # said once, not at every try
                logging.getLogger(__name__).warning("cannot ship to %s: %s", self.url, error)
            self.failed = str(error) or type(error).__name__
            return False
        self.failed = ""
        return True


def ship(segment: Path, url: str) -> None:
    """Put a segment below `url`, whole or not at all, then delete it here. Raises OSError."""
    import fsspec

    system: Any
    system, root = fsspec.url_to_fs(url)
    target = f"{root}/{segment.name}"
    try:
        content = segment.read_bytes()
    except FileNotFoundError:
        return  # another worker was first
    system.makedirs(root, exist_ok=True)
    system.pipe_file(f"{target}{UNFINISHED}", content)
    system.mv(f"{target}{UNFINISHED}", target)
    if system.info(target)["size"] != len(content):
        raise OSError(f"{target} is not of the size of {segment}")
    segment.unlink(missing_ok=True)
