"""A process of its own whose event loop turns, or stands still."""

import signal
import subprocess
import sys
import time

import pytest

from ml_platform.serving.stuck import __name__ as module

PROGRAM = """
import asyncio, re, time
from {module} import end_when_stuck

def forever():
    {forever}

async def main():
    stop = end_when_stuck(lambda: 2.0)
    {work}
    print("it went on")

asyncio.run(main())
"""
CALLS_AND_CALLS = "while True: re.sub('a', 'b', 'c')"
HOLDS_THE_LOCK = "re.match(r'(a+)+$', 'a' * 60 + 'b')"


def ended(work: str, forever: str = "time.sleep(60)") -> tuple[subprocess.CompletedProcess, float]:
    program = PROGRAM.format(module=module, work=work, forever=forever)
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=False
    )
    return done, time.monotonic() - started


@pytest.mark.parametrize("forever", ["time.sleep(60)", CALLS_AND_CALLS, HOLDS_THE_LOCK])
def test_a_process_whose_loop_stands_still_is_ended_and_says_where(forever: str) -> None:
    done, seconds = ended("forever()", forever)
    assert done.returncode != 0
    assert done.stdout == ""
    assert "in forever" in done.stderr
    assert seconds < 45


@pytest.mark.parametrize("work", ["await asyncio.sleep(3)", "stop(); time.sleep(3)"])
def test_a_loop_that_turns_or_is_not_watched_any_more_goes_on(work: str) -> None:
    done, _ = ended(work)
    assert (done.returncode, done.stdout, done.stderr) == (0, "it went on\n", "")


def test_a_process_that_was_paused_goes_on() -> None:
    work = "print('begun', flush=True); await asyncio.sleep(4)"
    program = PROGRAM.format(module=module, work=work, forever="pass")
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGSTOP)
        time.sleep(5)
        process.send_signal(signal.SIGCONT)
        told, log = process.communicate(timeout=50)
    assert (process.returncode, told, log) == (0, "it went on\n", "")
