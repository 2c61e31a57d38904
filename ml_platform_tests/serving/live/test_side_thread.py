import sys
import threading
import time

import pytest

from ml_platform.serving.live.side_thread import NotInTime, SideThread


def test_call_gives_its_result_and_its_error():
    thread = SideThread("test")
    assert thread.run(lambda: 7, timeout=1) == 7
    with pytest.raises(ZeroDivisionError):
        thread.run(lambda: 1 // 0, timeout=1)
    thread.close()


def test_hang_costs_its_time_once_and_later_calls_none():
    thread, go_on = SideThread("test"), threading.Event()

    with pytest.raises(NotInTime):
        thread.run(go_on.wait, timeout=0.05)
    started = time.perf_counter()
    for _ in range(5):
        with pytest.raises(NotInTime):
            thread.run(lambda: 7, timeout=10)
    assert time.perf_counter() - started < 1

    go_on.set()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            assert thread.run(lambda: 8, timeout=5) == 8
            break
        except NotInTime:
            time.sleep(0.01)
    thread.close()


def test_exit_does_not_end_the_process():
    thread = SideThread("test")
    with pytest.raises(RuntimeError, match="end the process"):
        thread.run(lambda: sys.exit(3), timeout=1)
    assert thread.run(lambda: 1, timeout=1) == 1
    thread.close()
