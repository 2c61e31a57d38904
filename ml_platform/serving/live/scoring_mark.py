"""What a candidate's own code is at in this worker, for those that begin after it was ended.

Code that never gives Python's global lock back leaves its worker nothing to tell with: the process
is ended where it stands. So what is under way stands in a file of 16 bytes, mapped into memory:
to write there costs no system call, and the kernel keeps it when the process is killed.
"""

import fcntl
import logging
import mmap
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path

from ml_platform.serving.journal.segment import is_held

ENDS = 2
"""So many workers are ended over a candidate until it is out: one may have been killed by hand."""

_BEFORE_ITS_TIME = 0.8
"""Of the time that a loop may stand still: its last sign of life was up to a tenth earlier."""

_UNDER_WAY = struct.Struct("<qd")
_NOTHING = bytes(_UNDER_WAY.size)
_SUFFIX = ".scoring"

_log = logging.getLogger(__name__)


class Mark:
    """Says when a candidate's code begins, and when its worker goes on.

    memory: of the file; where there is none, nobody reads it. opened: the revision at which the
    release of the candidate opened. monotonic: seconds.
    """

    def __init__(
        self,
        memory: "mmap.mmap | bytearray | None" = None,
        opened: int = 0,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._memory = bytearray(_NOTHING) if memory is None else memory
        self._opened, self._now = opened, monotonic

    def begin(self) -> None:
        """Say that the code begins."""
        _UNDER_WAY.pack_into(self._memory, 0, self._opened, self._now())

    def end(self) -> None:
        """Say that the worker goes on, whether the code has ended or is left behind."""
        self._memory[:] = _NOTHING


class ScoringFile:
    """The file of one worker, beside those of the others of its model on this machine.

    A disk that is full costs the file, not the service: it is logged.
    monotonic: seconds since the machine started, the same in all processes.
    """

    def __init__(
        self, folder: Path, worker: str, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.folder = folder
        self._now = monotonic
        self._file = folder / f"{worker}{_SUFFIX}"
        self._memory: mmap.mmap | None = None
        self._held: int | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._open()
        except OSError as error:
            _log.warning("%s cannot be written: %s", self._file, error)

    def mark(self, opened: int) -> Mark:
        """Return what says when the candidate of a release scores."""
        return Mark(self._memory, opened, monotonic=self._now)

    def ends(self, opened: int, *, hang_seconds: float) -> int:
        """Count the workers that were ended because the candidate of this release hung.

        What others that ended left here is forgotten. hang_seconds: for how long a worker may
        stand still. One that was killed otherwise is followed by the next before that time is over,
        and one from before the machine started began later than now.
        """
        found = 0
        for file in self.folder.glob(f"*{_SUFFIX}"):
            try:
                if file == self._file or is_held(file):
                    continue
                of, began = _UNDER_WAY.unpack(file.read_bytes())
                if of == opened > 0 and self._now() - began >= _BEFORE_ITS_TIME * hang_seconds:
                    found += 1
                else:
                    file.unlink(missing_ok=True)
            except FileNotFoundError:  # another worker was first
                continue
            except (OSError, struct.error) as error:
                _log.warning("%s cannot be read: %s", file, error)
        return found

    def close(self) -> None:
        """Delete the file: this worker ends by itself."""
        if self._held is not None:
            self._file.unlink(missing_ok=True)
            os.close(self._held)
            self._held = None

    def _open(self) -> None:
        """Make the file under another name until it is held: those that are not are of the dead."""
        new = self._file.with_suffix(".new")
        held = os.open(new, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(held, fcntl.LOCK_EX)
            os.write(held, _NOTHING)
            self._memory = mmap.mmap(held, _UNDER_WAY.size)
            new.rename(self._file)
        except OSError:
            os.close(held)
            new.unlink(missing_ok=True)
            raise
        self._held = held
