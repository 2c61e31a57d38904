import sys
import threading
import time
from collections.abc import Callable

import pytest

from ml_platform.serving.live.side_thread import NotInTime, SideThread


def first_in_time(thread: SideThread, call: Callable[[], int]) -> int:
    """What the call returns once the thread is free again."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return thread.run(call, timeout=30)
        except NotInTime:
            assert time.monotonic() < deadline, "the thread is never free again"
            time.sleep(0.01)


def test_call_gives_its_result_and_its_error():
    thread = SideThread("test")
    assert thread.run(lambda: 7, timeout=1) == 7
    with pytest.raises(ZeroDivisionError):
        thread.run(lambda: 1 // 0, timeout=1)
    thread.close()


def test_hang_costs_its_time_once_and_later_calls_none():
    thread, go_on = SideThread("test"), threading.Event()
    ran: list[int] = []

    with pytest.raises(NotInTime):
        thread.run(go_on.wait, timeout=0.05)
    for number in range(5):
        with pytest.raises(NotInTime):
            thread.run(lambda: ran.append(number), timeout=10)  # noqa: B023 -- never runs

    go_on.set()
    assert first_in_time(thread, lambda: 8) == 8
    assert ran == [], "what is not handed over is not waited for"
    thread.close()


def test_exit_does_not_end_the_process():
    thread = SideThread("test")
    with pytest.raises(RuntimeError, match="end the process"):
        thread.run(lambda: sys.exit(3), timeout=1)
    assert thread.run(lambda: 1, timeout=1) == 1
    thread.close()
