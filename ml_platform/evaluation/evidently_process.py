"""Evidently in a process beside ours: its import and its work take seconds, of another core.

The process is started before there is anything to ask, imports Evidently meanwhile, and ends when
it has answered or its owner is gone.
"""

import pickle
import subprocess
import sys
import warnings
import weakref
from contextlib import suppress
from functools import cached_property
from typing import Any

import pandas as pd

from ml_platform.evaluation.evidently_report import import_evidently, run_report


class EvidentlyProcess:
    """Runs one report after another, each in a process that may be started ahead.

    beside = EvidentlyProcess()
    beside.start()  # and go on with something else
    html = beside.run(reference, current, declared)
    """

    def start(self) -> None:
        """Let the import begin."""
        _ = self._process

    def run(self, reference: pd.DataFrame, current: pd.DataFrame, declared: dict[str, Any]) -> str:
        """Do what `run_report` does over there; where that fails, here, for its error to show."""
        process = self._process
        del self.__dict__["_process"]
        asked = pickle.dumps((reference, current, declared))  # to our own child, over its pipe
        answer, _ = process.communicate(asked)
        if process.returncode != 0:
            return run_report(reference, current, declared)
        return answer.decode()

    @cached_property
    def _process(self) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is ours to answer
        )
        weakref.finalize(self, _end, process)
        return process


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.kill()
    with suppress(BrokenPipeError):
        process.communicate()


def main() -> None:
    """Import Evidently, then answer what stands on standard input."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import_evidently()
    asked = sys.stdin.buffer.read()
    if asked:
        sys.stdout.buffer.write(run_report(*pickle.loads(asked)).encode())


if __name__ == "__main__":
    main()
