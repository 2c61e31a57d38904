"""kill -9 of a worker under load: every acknowledged record is read back, once."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest

from ml_platform.serving.journal.reader import read_segment
from ml_platform.serving.journal.segments import LocalSegments

ROOT = Path(__file__).parents[3]
WRITER = Path(__file__).with_name("killed_writer.py")


def killed_under_load(folder: Path, durability: str, first: int, *, seconds: float) -> list[int]:
    """Start a writer, kill it after its first answers; return what it had acknowledged."""
    command = [sys.executable, str(WRITER), str(folder), durability, str(first)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    said = folder / "said.txt"
    folder.mkdir(parents=True, exist_ok=True)
    with said.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, env=environment)
        deadline = time.monotonic() + 30
        while said.stat().st_size < 1000 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(seconds)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    whole = said.read_text().rpartition("\n")[0]  # the last line may be cut off
    said.unlink()
    return [int(line) for line in whole.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("durability", ["process", "power"])
def test_every_acknowledged_record_survives_kill_9_and_is_there_once(
    tmp_path: Path, durability: str
) -> None:
    acknowledged: list[int] = []
    for turn in range(3):
        seconds = random.Random(turn).uniform(0.05, 0.3)
        first = turn * 100_000_000
        acknowledged += killed_under_load(tmp_path, durability, first, seconds=seconds)
    segments = LocalSegments(tmp_path)
    logged: list[str] = []
    for segment in segments.found():
        assert segment.closed, "its writer is dead"
        data = segments.read(segment, 0)
        assert data is not None
        content = read_segment(data)
        assert all(damage.kind == "torn" for damage in content.damages)
        logged += [orjson.loads(record)["id"] for record in content.records]
    assert len(acknowledged) > 1000 or durability == "power"
    assert len(set(logged)) == len(logged)
    assert {f"id-{number}" for number in acknowledged} <= set(logged)
