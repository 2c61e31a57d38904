"""A worker that stands still is ended, so that its supervisor begins another.

A team's own code runs on the worker's event loop, and may never come back. While it does not,
nothing is answered, not even `/health`.
"""

import asyncio
import faulthandler
import os
import signal
from collections.abc import Callable
from threading import Event, Thread

_BEATS = 10
"""Signs of life in the time after which a worker is ended."""

_STDERR = 2


def end_when_stuck(seconds: Callable[[], float]) -> Callable[[], None]:
    """End this process when its event loop stands still; return what ends the watch.

    seconds: for how long it may; asked again at each sign of life. Called on the loop.

    Time that a process is stopped, as when its machine is paused, does not count: code that
    computes is ended by a timer of CPU time, code that waits by a thread that counts its own looks.
    The timer's signal needs no lock of Python, so code that holds it for ever, as some regular
    expressions do, is ended too. It interrupts the thread that the loop runs in, whose frames stand
    still while they are read: the traceback goes to stderr first.
    """
    loop, stopped = asyncio.get_running_loop(), Event()
    timer: asyncio.TimerHandle | None = None
    beats = 0

    def beat() -> None:
        nonlocal timer, beats
        beats += 1
        allowed = seconds()
        signal.setitimer(signal.ITIMER_PROF, allowed)
        timer = loop.call_later(allowed / _BEATS, beat)

    def watch() -> None:
        seen, looks = beats, 0
        while not stopped.wait(seconds() / _BEATS):
            seen, looks = beats, looks + 1 if beats == seen else 0
            if looks > _BEATS:
                os.kill(os.getpid(), signal.SIGPROF)

    def stop() -> None:
        stopped.set()
        signal.setitimer(signal.ITIMER_PROF, 0)
        if timer is not None:
            timer.cancel()

    faulthandler.register(signal.SIGPROF, file=_STDERR, all_threads=False, chain=True)
    beat()
    Thread(target=watch, name="stuck", daemon=True).start()
    return stop
