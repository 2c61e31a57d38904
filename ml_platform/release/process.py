"""Which process of which machine a worker is, so that one that was killed is known to be gone."""

import os
from pathlib import Path

_PROC = Path("/proc")
_DEAD = "ZX"
_START = 18
"""Place of the start, in ticks since boot, in what `/proc/<pid>/stat` tells after the state."""


def this_process() -> str:
    """Name this process as no other ever is; empty where the system does not tell.

    Boot and PID namespace, as only those who share both see the same process by its number; its
    number; and when it started, as numbers are given out again.
    """
    machine, pid = _machine(), os.getpid()
    return machine and f"{machine}/{pid}/{_started(pid)}"


def has_ended(process: str) -> bool:
    """Whether a process of this machine lives no more; False where that cannot be told from here.

    process: as it named itself by `this_process`.
    """
    machine, _, rest = process.rpartition("/")[0].rpartition("/")
    if not machine or machine != _machine():
        return False
    pid, started = int(rest), process.rpartition("/")[2]
    try:
        os.kill(pid, 0)
        return _started(pid) != started
    except ProcessLookupError:
        return True
    except OSError:
        return False  # of another user, and hidden


def _machine() -> str:
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{os.stat(_PROC / 'self/ns/pid').st_ino}"
    except OSError:
        return ""


def _started(pid: int) -> str:
    """The tick at which a process started; empty for one that only waits to be cleared away."""
    told = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    state, *fields = told.rpartition(")")[2].split()
    return "" if state in _DEAD else fields[_START]
