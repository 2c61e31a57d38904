"""Wait for what another thread or process does."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Found = TypeVar("Found")

PATIENCE = 120.0
"""Seconds; more than anything takes on a machine with other work."""


def until(
    look: Callable[[], Found],
    what: str = "what is to come",
    *,
    seconds: float = PATIENCE,
    pause: float = 0.01,
) -> Found:
    """Look again and again until there is something; what it was is told when time is up."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(pause)
    return found


def gone(pid: int) -> bool:
    """Tell whether a process has ended, be it that nobody has yet asked how."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return told.rpartition(")")[2].split()[0] == "Z"
