"""Runs a command that ends when the process which started it does, however that one ends.

`python leash.py COMMAND...` is started with a pipe as its standard input. When the other end is
closed, by will or because its owner was killed, the command is asked to stop, and after some
seconds killed with everything that it started. Knows nothing but the standard library, so that
it is up in milliseconds.
"""

import os
import signal
import subprocess
import sys
import threading

GRACE_S = 5.0


def main(command: list[str]) -> int:
    """Run the command; return its exit status."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    threading.Thread(target=_watch, args=(child,), daemon=True).start()
    return child.wait()


def _watch(child: "subprocess.Popen[bytes]") -> None:
    while os.read(sys.stdin.fileno(), 1024):  # unbuffered: a lock held at exit would abort Python
        pass
    child.terminate()
    try:
        child.wait(GRACE_S)
    finally:
        os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
