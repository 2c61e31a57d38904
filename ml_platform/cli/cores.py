"""How many cores this process may use, which may be fewer than the machine has."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def cores_at_hand(*, root: Path = Path("/")) -> int:
    """Return the cores that the scheduler lets this process use, within its quota; at least 1.

    The quota is the least of the process's control group and those around it, versions 1 and 2.
    A part of a core is none: two and a half are two. root: where `proc` and `sys` are.
    """
    quotas = [int(quota) for folder in _groups(root) for quota in _quotas(folder)]
    return max(1, min([_allowed(), *quotas]))


def _allowed() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS has none
        return os.cpu_count() or 1


def _groups(root: Path) -> Iterator[Path]:
    """The folders of the control groups that this process is in, from its own up to the root.

    A container may see its own group as the root, under a name that is not there.
    """
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", maxsplit=2)
            if controllers and "cpu" not in controllers.split(","):
                continue
            mounted = root / "sys/fs/cgroup" / ("cpu" if controllers else "")
            own = mounted / path.strip("/")
            yield from (each for each in (own, *own.parents) if each.is_relative_to(mounted))


def _quotas(folder: Path) -> Iterator[float]:
    """The quota of a group in cores; nothing where it has none."""
    with suppress(OSError, ValueError):  # ValueError: "max"
        quota, period = (folder / "cpu.max").read_text(encoding="utf-8").split()
        yield int(quota) / int(period)
    with suppress(OSError, ValueError):
        quota = (folder / "cpu.cfs_quota_us").read_text(encoding="utf-8")
        period = (folder / "cpu.cfs_period_us").read_text(encoding="utf-8")
        if int(quota) > 0:
            yield int(quota) / int(period)
