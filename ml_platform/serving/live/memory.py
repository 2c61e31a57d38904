"""How much memory this process has, so that a candidate which leaks is seen."""

import os
from collections.abc import Callable
from pathlib import Path

ALLOWED = 512 * 2**20
"""Bytes by which a worker may grow while it has a candidate."""


def resident_bytes() -> int:
    """Return the resident memory of this process; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


class Growth:
    """How much the process grew since a candidate came in.

    What grows beside a candidate, it alone is blamed for: the champion had grown before.
    """

    def __init__(self, resident: Callable[[], int] = resident_bytes) -> None:
        self._resident = resident
        self._before = resident()

    def excess(self) -> str | None:
        """Say by how much it grew, if that is too much."""
        grown = self._resident() - self._before
        if grown <= ALLOWED:
            return None
        return f"the worker grew by {grown / 2**20:.0f} MB since the candidate came in"
