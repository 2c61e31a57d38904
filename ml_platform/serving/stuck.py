"""A worker that stands still is ended, so that its supervisor begins another.

A team's own code runs on the worker's event loop, and may never come back. While it does not,
nothing is answered, not even `/health`.
"""

import asyncio
import faulthandler
from collections.abc import Callable

_BEATS = 10
"""Signs of life in the time after which a worker is ended."""

_STDERR = 2


def end_when_stuck(seconds: Callable[[], float]) -> Callable[[], None]:
    """End this process when its event loop stands still; return what ends the watch.

    seconds: for how long it may; asked again at each sign of life. Called on the loop.

    The tracebacks of all threads go to stderr first. Who watches is a thread of C that needs no
    lock of Python, so code that holds it for ever, as some regular expressions do, is ended too.
    """
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle | None = None

    def beat() -> None:
        nonlocal timer
        allowed = seconds()
        faulthandler.dump_traceback_later(allowed, exit=True, file=_STDERR)
        timer = loop.call_later(allowed / _BEATS, beat)

    def stop() -> None:
        faulthandler.cancel_dump_traceback_later()
        if timer is not None:
            timer.cancel()

    beat()
    return stop
