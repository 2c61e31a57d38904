"""What the device was told of a segment, by the calls that tell it."""

import os
from pathlib import Path

import pytest

from ml_platform.serving.journal.segment import SegmentWriter


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The inodes that were brought to the device."""
    found: list[int] = []
    real = os.fsync

    def fsync(file: int) -> None:
        found.append(os.fstat(file).st_ino)
        real(file)

    monkeypatch.setattr(os, "fsync", fsync)
    return found


def inodes(*folders: Path) -> set[int]:
    return {folder.stat().st_ino for folder in folders}


def test_durable_segment_is_found_again_by_each_folder_that_was_made_for_it(
    tmp_path: Path, synced: list[int]
) -> None:
    folder = tmp_path / "journal" / "model" / "worker"
    SegmentWriter(folder, at=1.0, durable=True).close()
    assert set(synced) == inodes(folder, *folder.parents[:3])

    synced.clear()
    SegmentWriter(folder, at=2.0, durable=True).close()
    assert set(synced) == inodes(folder, folder.parent), "nothing else was made"


def test_folder_that_was_made_without_the_device_is_told_to_it_later(
    tmp_path: Path, synced: list[int]
) -> None:
    folder = tmp_path / "worker"
    SegmentWriter(folder, at=1.0).close()
    assert synced == []

    SegmentWriter(folder, at=2.0, durable=True).close()
    assert set(synced) == inodes(folder, tmp_path)
