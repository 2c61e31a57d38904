"""What each worker counted, in a file of its own, so that any of them can tell it all."""

import json
import os
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml_platform.release.evidence import Counts
from ml_platform.serving.counters import Role, summed

Key = tuple[str, Role]


@dataclass(frozen=True)
class WorkerCounts:
    """What one worker counted since it started.

    counts: by version and role.
    journal: what became of its journal records, by a word such as "unlogged".
    at: seconds since 1970 when it was written.
    """

    counts: dict[Key, Counts] = field(default_factory=dict[Key, Counts])
    journal: Mapping[str, int] = field(default_factory=dict[str, int])
    at: float = 0.0

    def __add__(self, other: "WorkerCounts") -> "WorkerCounts":
        """Return what both counted."""
        journal = dict(self.journal)
        for name, number in other.journal.items():
            journal[name] = journal.get(name, 0) + number
        return WorkerCounts(summed(self.counts, other.counts), journal, max(self.at, other.at))


@dataclass(frozen=True)
class CountsFiles:
    """Where a worker writes what it counted, each second.

    common: with the other workers of its service, so that any of them can tell it all; None keeps
    it in memory, for a service of one worker. kept: with all that ever were, for monitoring.
    name: of the worker in both.
    """

    common: Path | None = None
    kept: Path | None = None
    name: str = field(default_factory=lambda: str(os.getpid()))

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where to write."""
        return tuple(folder for folder in (self.common, self.kept) if folder is not None)


ENDED = "ended"
"""The name, in place of a worker's, of the file with what those that ended counted together."""


def write(folder: Path, worker: str, found: WorkerCounts, *, holds: Collection[str] = ()) -> None:
    """Replace the file of a worker by one rename. Raises OSError.

    holds: the workers whose counts are among these, so that a file of theirs counts no more.
    """
    content: dict[str, Any] = {
        "holds": sorted(holds),
        "at": found.at or time.time(),
        "journal": dict(found.journal),
        "counts": [
            [version, role, json.loads(counts.to_json())]
            for (version, role), counts in found.counts.items()
        ],
    }
    _replace(folder, worker, json.dumps(content, separators=(",", ":")).encode())


def take(folder: Path, worker: str, content: bytes) -> None:
    """Keep what a worker wrote elsewhere, unless what is here is as new, or newer. Raises OSError.

    content: a whole file of `write`; what is none is left where it is.
    """
    if _parsed(content).at > written_at(folder, worker):
        _replace(folder, worker, content)


def written_at(folder: Path, worker: str) -> float:
    """When a worker wrote its counts, seconds since 1970; 0 where it has written none."""
    return _read(folder / f"{worker}.json").at


def read_others(folder: Path, *, but: str) -> WorkerCounts:
    """Return what the other workers wrote, added up; a file that cannot be read counts nothing."""
    left_out = {but, *_held(folder)}
    found = WorkerCounts()
    for file in sorted(folder.glob("*.json")):
        if file.stem not in left_out:
            found += _read(file)
    return found


def fold(
    folder: Path, *, before: float, forget: Callable[[str], object] = lambda worker: None
) -> None:
    """Add up the files that nobody wrote since `before` in one, and delete them.

    before: seconds since 1970. forget: deletes other copies of a worker's file, before this one
    is. What all files say together stays the same, also when this is killed half-way, or `forget`
    raises. One process at a time may do it. Raises OSError.
    """
    held = _held(folder)
    files = [file for file in folder.glob("*.json") if file.stem != ENDED]
    left = [file for file in files if file.stem in held]
    old = [file for file in files if file not in left and file.stat().st_mtime < before]
    if not (left or old):
        return
    found = sum(map(_read, old), start=_read(folder / f"{ENDED}.json"))
    write(folder, ENDED, found, holds=[file.stem for file in (*left, *old)])
    for file in (*left, *old):
        forget(file.stem)
        file.unlink()
    write(folder, ENDED, found)


def _held(folder: Path) -> frozenset[str]:
    """The workers whose counts are in the file of those that ended."""
    try:
        content = json.loads((folder / f"{ENDED}.json").read_text(encoding="utf-8"))
        return frozenset(content["holds"])
    except (OSError, ValueError, KeyError, TypeError):
        return frozenset()


def _replace(folder: Path, worker: str, content: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    scratch = folder / f".{worker}"
    scratch.write_bytes(content)
    scratch.replace(folder / f"{worker}.json")


def _read(file: Path) -> WorkerCounts:
    try:
        return _parsed(file.read_bytes())
    except OSError:
        return WorkerCounts()


def _parsed(text: bytes) -> WorkerCounts:
    """What a file says; nothing where it is damaged."""
    try:
        content = json.loads(text)
        counts = {
            (str(version), str(role)): Counts.from_json(json.dumps(each))
            for version, role, each in content["counts"]
        }
        return WorkerCounts(counts, dict(content["journal"]), float(content["at"]))
    except (ValueError, KeyError, TypeError):
        return WorkerCounts()
