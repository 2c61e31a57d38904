"""What time it is: the machine's clock, or a simulated one that many processes share.

A replay of past months needs every process to agree on a simulated now: the service that logs a
prediction, the daemon that judges whether its label is due, the run that trains. It lies in a file
of eight bytes that each process maps into its memory, so that asking costs no system call. The
environment variable ML_PLATFORM_CLOCK names the file; without it the time is the machine's.
"""

import mmap
import os
import struct
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from ml_platform.exceptions import StoreError

VARIABLE = "ML_PLATFORM_CLOCK"

Clock = Callable[[], float]
"""Returns seconds since 1970 in UTC."""

_SECONDS = struct.Struct("<d")


class SimulatedClock:
    """A clock in a file, for all processes that open the file; its owner sets it.

    Raises StoreError when the file is not there or is no clock.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        try:
            with file.open("r+b") as opened:
                self._memory = mmap.mmap(opened.fileno(), _SECONDS.size)
        except (OSError, ValueError) as error:
            raise StoreError(f"{file} is no simulated clock: {error}") from error

    @classmethod
    def create(cls, file: Path, *, start: datetime) -> "SimulatedClock":
        """Make a clock that stands at `start`, a time with a zone."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_SECONDS.pack(start.timestamp()))
        return cls(file)

    def __call__(self) -> float:
        """Return the simulated time in seconds since 1970."""
        return _SECONDS.unpack_from(self._memory)[0]

    def set(self, seconds: float) -> None:
        """Move the clock for everybody who reads it."""
        _SECONDS.pack_into(self._memory, 0, seconds)


def clock(environ: Mapping[str, str] = os.environ) -> Clock:
    """Return the clock that the environment names."""
    file = environ.get(VARIABLE)
    return _opened(file) if file else time.time


def utc_now(environ: Mapping[str, str] = os.environ) -> datetime:
    """Return what time it is by that clock."""
    return datetime.fromtimestamp(clock(environ)(), UTC)


@cache
def _opened(file: str) -> SimulatedClock:
    return SimulatedClock(Path(file))
