"""Programs that run side by side until the user has had enough."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ml_platform.cli.ports import LOOPBACK, answers
from ml_platform.exceptions import ServiceUnavailable
from ml_platform.serving import leash

GRACE_SECONDS = 10.0
"""How long a program may take to end by itself before it is killed."""


@dataclass(frozen=True)
class Program:
    """What to run. name: what a person calls it; port: where it will answer, if it does."""

    name: str
    command: tuple[str, ...]
    log: Path
    port: int | None = None
    environ: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def address(self) -> str | None:
        """The URL that it answers at."""
        return f"http://{LOOPBACK}:{self.port}" if self.port else None


class RunningProgram:
    """A started program, in a session of its own, so that whatever it starts ends with it.

    It is on a leash as well: should this process be killed, it ends too.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.announced = program.port is None
        if shutil.which(program.command[0]) is None:
            raise ServiceUnavailable(
                f"cannot start {program.name}: there is no program {program.command[0]}"
            )
        program.log.parent.mkdir(parents=True, exist_ok=True)
        try:
            with program.log.open("wb") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-S", leash.__file__, *program.command],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **program.environ},
                    start_new_session=True,
                )
        except OSError as error:
            raise ServiceUnavailable(f"cannot start {program.name}: {error}") from error

    @property
    def exit_code(self) -> int | None:
        """The exit code; None while it runs."""
        return self._process.poll()

    @property
    def pid(self) -> int:
        """Process id, which is also the id of its group."""
        return self._process.pid

    def answers(self) -> bool:
        """Tell whether it accepts connections by now."""
        return self.program.port is not None and answers(self.program.port)

    def last_lines(self, count: int = 5) -> list[str]:
        """Return the end of its log."""
        return self.program.log.read_text(errors="replace").splitlines()[-count:]

    def signal(self, number: signal.Signals) -> bool:
        """Send a signal to it and all that it started; False when none of them is left."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return False
        return True

    def reap(self) -> None:
        """Collect the exit status, so that nothing is left of it in the process table."""
        if self._process.poll() is not None and self._process.stdin is not None:
            self._process.stdin.close()


def stop_all(running: Sequence[RunningProgram], *, grace: float = GRACE_SECONDS) -> None:
    """End the programs and all that they started: kindly at first, then not."""
    left = [one for one in running if one.signal(signal.SIGTERM)]
    deadline = time.monotonic() + grace
    while left and time.monotonic() < deadline:
        for one in left:
            one.reap()
        left = [one for one in left if _group_lives(one.pid)]
        time.sleep(0.05)
    for one in left:
        one.signal(signal.SIGKILL)
    for one in running:
        while one.exit_code is None:
            time.sleep(0.01)
        one.reap()


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True
