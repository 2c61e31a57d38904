"""One simulated time in many processes."""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ml_platform.clock import VARIABLE, SimulatedClock, clock, utc_now
from ml_platform.exceptions import StoreError

START = datetime(2013, 4, 1, tzinfo=UTC)


def test_without_a_variable_the_time_is_the_machines() -> None:
    before, told, after = time.time(), clock({})(), time.time()
    assert before <= told <= after
    assert utc_now({}).tzinfo is UTC


def test_simulated_clock_stands_until_it_is_set(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    simulated = SimulatedClock.create(file, start=START)
    assert utc_now({VARIABLE: str(file)}) == START
    simulated.set(START.timestamp() + 60)
    assert utc_now({VARIABLE: str(file)}).minute == 1


def test_another_process_sees_the_same_time(tmp_path: Path) -> None:
    simulated = SimulatedClock.create(tmp_path / "clock", start=START)
    simulated.set(START.timestamp() + 0.25)
    code = "from ml_platform.clock import clock; print(repr(clock()()))"
    told = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, VARIABLE: str(simulated.file)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(told.stdout) == START.timestamp() + 0.25


@pytest.mark.parametrize("content", [None, b"", b"123"])
def test_file_that_is_no_clock_is_told(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "clock"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(StoreError, match="no simulated clock"):
        SimulatedClock(file)
