"""Closed segments on their way to shared storage."""

import asyncio
from pathlib import Path

import pytest

from ml_platform.serving.journal import shipping
from ml_platform.serving.journal.shipping import SegmentShipper, ship
from ml_platform.serving.journal.writer import Journal
from ml_platform_tests.serving.journal.test_writer import ids, record
from ml_platform_tests.waiting import until


def test_closed_segments_of_living_and_dead_workers_are_moved(tmp_path: Path) -> None:
    dead = tmp_path / "here" / "dead" / "00000000000001-ab.open"
    dead.parent.mkdir(parents=True)
    dead.write_bytes(b"MLPJ\x01\r\n\x00")

    async def write() -> None:
        there = f"file://{tmp_path}/there"
        journal = Journal(tmp_path / "here", worker="w", ship_to=there)
        journal.bind(asyncio.get_running_loop())
        journal.add([record(0)], lambda error: None)
        await asyncio.sleep(0.01)
        journal.close()

    asyncio.run(write())
    assert ids(tmp_path / "there" / "w") == ["id-0"]
    assert (tmp_path / "there" / "dead" / "00000000000001-ab.seg").exists()
    assert [path for path in (tmp_path / "here").rglob("*") if path.is_file()] == []


def test_no_log_shows_the_password_of_the_storage(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    segment = tmp_path / "w" / "00000000000001-ab.seg"
    segment.parent.mkdir()
    segment.write_bytes(b"MLPJ\x01\r\n\x00")
    shipper = SegmentShipper(tmp_path, "nowhere://ada:hunter2@host/journal")
    shipper.close()
    assert "cannot ship to nowhere://ada:***@host/journal" in caplog.text
    assert "hunter2" not in caplog.text + shipper.failed


def test_what_cannot_be_shipped_stays_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(shipping, "_EVERY_SECONDS", 0.01)
    segment = tmp_path / "here" / "w" / "00000000000001-ab.seg"
    segment.parent.mkdir(parents=True)
    segment.write_bytes(b"MLPJ\x01\r\n\x00")
    blocked = tmp_path / "there"
    blocked.write_text("a file where the folder should be")
    shipper = SegmentShipper(tmp_path / "here", f"file://{blocked}")
    until(lambda: bool(shipper.failed))
    assert segment.exists()
    blocked.unlink()
    shipper.wake()
    until(lambda: not segment.exists())
    shipper.close()
    assert (blocked / "w" / segment.name).exists()
    assert shipper.failed == ""
    assert len([each for each in caplog.records if "cannot ship" in each.message]) == 1


def test_segment_that_another_worker_shipped_is_no_error(tmp_path: Path) -> None:
    ship(tmp_path / "gone.seg", f"file://{tmp_path}/there")
    assert list(tmp_path.iterdir()) == []
