"""A worker whose supervisor was killed ends too, or it would hold the port for ever."""

import os
import signal
import time
from threading import Thread

LOOK_SECONDS = 0.5


def end_with_parent() -> None:
    """Ask this process to stop, as at a regular end, once its parent is gone."""
    Thread(target=_watch, args=(os.getppid(),), name="parent", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
