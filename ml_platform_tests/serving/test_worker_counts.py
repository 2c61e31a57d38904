"""What workers counted outlives them, in as many files as there are workers."""

import os
from pathlib import Path

import pytest

from ml_platform.release.evidence import Counts
from ml_platform.serving.worker_counts import WorkerCounts, fold, read_others, take, write

KEY = ("3", "champion")
LONG_AGO, NOW = 1_000.0, 5_000.0


def worker(folder: Path, name: str, requests: int, *, at: float = NOW) -> None:
    write(folder, name, WorkerCounts({KEY: Counts(requests=requests)}, {"unlogged": 1}, at))
    os.utime(folder / f"{name}.json", (at, at))


def told(folder: Path) -> tuple[int, int]:
    """Requests and unlogged records of all workers."""
    found = read_others(folder, but="")
    return found.counts[KEY].requests, found.journal["unlogged"]


def names(folder: Path) -> list[str]:
    return sorted(file.stem for file in folder.glob("*.json"))


def test_workers_that_ended_are_one_file_and_count_as_before(tmp_path: Path) -> None:
    for number in range(4):
        worker(tmp_path, f"w{number}", 10, at=LONG_AGO)
    worker(tmp_path, "w9", 5)
    fold(tmp_path, before=NOW)
    assert names(tmp_path) == ["ended", "w9"]
    assert told(tmp_path) == (45, 5)
    worker(tmp_path, "w9", 7, at=LONG_AGO)
    fold(tmp_path, before=NOW)
    fold(tmp_path, before=NOW)
    assert names(tmp_path) == ["ended"]
    assert told(tmp_path) == (47, 5)


def test_nothing_is_counted_twice_or_lost_where_it_ends_half_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        worker(tmp_path, f"w{number}", 10, at=LONG_AGO)
    unlink = Path.unlink

    def killed(file: Path) -> None:
        if file.stem == "w1":
            raise OSError("no time left")
        unlink(file)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", killed)
        with pytest.raises(OSError, match="no time left"):
            fold(tmp_path, before=NOW)
    assert "w1" in names(tmp_path)
    assert told(tmp_path) == (30, 3)
    worker(tmp_path, "w4", 5, at=LONG_AGO)
    fold(tmp_path, before=NOW)
    assert names(tmp_path) == ["ended"]
    assert told(tmp_path) == (35, 4)


def test_a_copy_that_cannot_be_deleted_is_not_counted_beside_what_it_was_added_to(
    tmp_path: Path,
) -> None:
    for number in range(3):
        worker(tmp_path, f"w{number}", 10, at=LONG_AGO)

    def away(name: str) -> None:
        raise OSError(f"the store of {name} is away")

    with pytest.raises(OSError, match="is away"):
        fold(tmp_path, before=NOW, forget=away)
    assert told(tmp_path) == (30, 3)
    forgotten: list[str] = []
    fold(tmp_path, before=NOW, forget=forgotten.append)
    assert sorted(forgotten) == ["w0", "w1", "w2"]
    assert names(tmp_path) == ["ended"]
    assert told(tmp_path) == (30, 3)


def test_what_comes_from_elsewhere_replaces_only_what_is_older(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    worker(here, "w1", 10, at=NOW)
    worker(there, "w1", 7, at=LONG_AGO)
    take(here, "w1", (there / "w1.json").read_bytes())
    take(here, "w1", b"torn")
    assert told(here) == (10, 1)
    worker(there, "w1", 12, at=NOW + 1)
    take(here, "w1", (there / "w1.json").read_bytes())
    assert told(here) == (12, 1)
