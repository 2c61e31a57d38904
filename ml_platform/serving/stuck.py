"""A worker that stands still is ended, so that its supervisor begins another.

A team's own code runs on the worker's event loop, and may never come back. While it does not,
nothing is answered, not even `/health`.
"""

import asyncio
import faulthandler
import signal
from collections.abc import Callable

_BEATS = 10
"""Signs of life in the time after which a worker is ended."""

_STDERR = 2


def end_when_stuck(seconds: Callable[[], float]) -> Callable[[], None]:
    """End this process when its event loop stands still; return what ends the watch.

    seconds: for how long it may; asked again at each sign of life. Called on the loop.

    The traceback of the main thread, where a worker's loop runs, goes to stderr first. A signal of
    the kernel's timer interrupts that thread: it needs no lock of Python, so code that holds it for
    ever, as some regular expressions do, is ended too, and the frames stand still while they are
    read.
    """
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle | None = None

    def beat() -> None:
        nonlocal timer
        allowed = seconds()
        signal.setitimer(signal.ITIMER_REAL, allowed)
        timer = loop.call_later(allowed / _BEATS, beat)

    def stop() -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        if timer is not None:
            timer.cancel()

    faulthandler.register(signal.SIGALRM, file=_STDERR, all_threads=False, chain=True)
    beat()
    return stop
