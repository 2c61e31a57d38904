"""What workers wrote to their own disk, on its way to shared storage."""

import logging
import threading
from abc import ABC, abstractmethod
from pathlib import Path

from ml_platform.addresses import without_secrets
from ml_platform.data.remote import opened, reached
from ml_platform.serving.journal.segment import CLOSED, close_abandoned

_EVERY_SECONDS = 10.0
_LONGEST_PAUSE = 60.0
UNFINISHED = ".unfinished"


class Shipper(ABC):
    """Ships to an fsspec URL in a thread, every ten seconds; what failed is tried again.

    A URL that is away is asked less and less often, down to once a minute.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.failed: str = ""
        self._wake, self._closed = threading.Event(), False
        self._thread = threading.Thread(target=self._run, name=type(self).__name__, daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Say that there is something to ship."""
        self._wake.set()

    def close(self, *, timeout: float = 10) -> None:
        """Try once more, for some seconds at most."""
        self._closed = True
        self._wake.set()
        self._thread.join(timeout)

    @abstractmethod
    def ship_all(self) -> None:
        """Ship what is there. Raises OSError."""

    def _run(self) -> None:
        pause = _EVERY_SECONDS
        while True:
            closing = self._closed
            pause = _EVERY_SECONDS if self._try() else min(pause * 2, _LONGEST_PAUSE)
            if closing:
                return
            self._wake.wait(pause)
            self._wake.clear()

    def _try(self) -> bool:
        try:
            with reached(self.url):
                self.ship_all()
        except OSError as error:
            if not self.failed:  # said once, not at every try
                said = without_secrets(f"cannot ship to {self.url}: {error}")
                logging.getLogger(__name__).warning("%s", said)
            self.failed = without_secrets(str(error)) or type(error).__name__
            return False
        self.failed = ""
        return True


class SegmentShipper(Shipper):
    """Moves closed segments of every worker of a model.

    A segment is deleted here when all of it is there; what stays is shipped by the next worker.
    Two workers that ship the same segment write the same bytes under the same name.
    folder: the model's journal. url: gets `<worker>/<segment>.seg`.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        super().__init__(url)

    def ship_all(self) -> None:
        """Ship every segment that is closed, or whose writer is gone."""
        for worker in sorted(path for path in self.folder.glob("*") if path.is_dir()):
            close_abandoned(worker)
            for segment in sorted(worker.glob(f"*{CLOSED}")):
                ship(segment, f"{self.url}/{worker.name}")


def ship(segment: Path, url: str) -> None:
    """Put a segment below `url`, whole or not at all, then delete it here. Raises OSError."""
    try:
        content = segment.read_bytes()
    except FileNotFoundError:
        return  # another worker was first
    put(content, url, segment.name)
    segment.unlink(missing_ok=True)


def put(content: bytes, url: str, name: str) -> None:
    """Put a file below `url`, whole or not at all, in place of one of that name. Raises OSError."""
    system, root = opened(url)
    target = f"{root}/{name}"
    system.makedirs(root, exist_ok=True)
    system.pipe_file(f"{target}{UNFINISHED}", content)
    system.mv(f"{target}{UNFINISHED}", target)
    if system.info(target)["size"] != len(content):
        raise OSError(f"{target} is not of the size of what was shipped")
