"""Evidently in a process beside ours: its import and its work take seconds, of another core.

The process is started before there is anything to ask, imports Evidently meanwhile, answers one
report after another, and ends when its owner closes its input or is gone.
"""

import os
import pickle
import struct
import subprocess
import sys
import warnings
import weakref
from contextlib import suppress
from functools import cache
from threading import Lock
from typing import IO, Any

import pandas as pd

from ml_platform.evaluation.evidently_report import import_evidently, run_report
from ml_platform.garbage import search_seldom

_SIZE = struct.Struct(">q")
_FAILED = -1


class EvidentlyProcess:
    """Runs one report after another in a process that may be started ahead.

    beside = EvidentlyProcess()
    beside.start()  # and go on with something else
    html = beside.run(reference, current, declared)
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Let the import begin, where no process is under way."""
        with self._lock:
            self._started()

    def run(self, reference: pd.DataFrame, current: pd.DataFrame, declared: dict[str, Any]) -> str:
        """Do what `run_report` does over there; where that fails, here, for its error to show."""
        asked = pickle.dumps((reference, current, declared))  # to our own child, over its pipe
        with self._lock:
            process = self._started()
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                _send(process.stdin, asked)
                answer = _received(process.stdout)
            except OSError:  # it was killed
                answer = None
        return run_report(reference, current, declared) if answer is None else answer.decode()

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is ours to answer
            )
            weakref.finalize(self, _end, self._process)
        return self._process


@cache
def evidently_process() -> EvidentlyProcess:
    """The one process of this process."""
    return EvidentlyProcess()


def _send(to: IO[bytes], content: bytes) -> None:
    to.write(_SIZE.pack(len(content)))
    to.write(content)
    to.flush()


def _received(source: IO[bytes]) -> bytes | None:
    """What was sent; None where the other side failed or is gone."""
    head = source.read(_SIZE.size)
    if len(head) < _SIZE.size:
        return None
    [size] = _SIZE.unpack(head)
    content = source.read(size) if size >= 0 else b""
    return content if len(content) == size else None


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.kill()
    with suppress(BrokenPipeError):
        process.communicate()


def main() -> None:
    """Import Evidently, then answer what comes on standard input until it ends."""
    search_seldom()
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import_evidently()
    while (asked := _received(sys.stdin.buffer)) is not None:
        try:
            answer = run_report(*pickle.loads(asked)).encode()
        except Exception:  # whatever it is shows in the owner, which does the report again
            out.write(_SIZE.pack(_FAILED))
            out.flush()
        else:
            _send(out, answer)


if __name__ == "__main__":
    main()
