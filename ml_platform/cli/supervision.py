"""Watch over running programs: say when each answers, and when one dies."""

import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from ml_platform.cli.processes import Program, RunningProgram, stop_all

TICK_SECONDS = 0.25

Tell = Callable[[str], None]


class Supervisor:
    """The programs of one terminal; all end when the block ends.

    tell: gets each line for the user.
    """

    def __init__(self, tell: Tell) -> None:
        self.running: list[RunningProgram] = []
        self._tell = tell

    def __enter__(self) -> "Supervisor":
        return self

    def __exit__(self, *exception: object) -> None:
        try:
            stop_all(self.running)
        except KeyboardInterrupt:  # asked twice
            stop_all(self.running, grace=0)

    def start(self, program: Program) -> None:
        """Start a program; what happens to it is told by `tick`."""
        self.running.append(RunningProgram(program))

    def stop(self, name: str) -> None:
        """End the program of that name, if it runs."""
        named = [one for one in self.running if one.program.name == name]
        stop_all(named)
        self.running = [one for one in self.running if one not in named]

    def tick(self) -> None:
        """Tell which programs have begun to answer and which have died since the last tick."""
        for one in list(self.running):
            program = one.program
            if one.exit_code is not None:
                self._tell(_obituary(one))
                stop_all([one])  # what it started may have outlived it
                self.running.remove(one)
            elif not one.announced and one.answers():
                one.announced = True
                self._tell(f"ready    {program.name:<20} {program.address}")

    def watch(self, every: Callable[[], None], *, period: float) -> None:
        """Tick until nothing runs any more; call `every` once in `period` seconds."""
        due = time.monotonic()
        while self.running:
            if time.monotonic() >= due:
                every()
                due = time.monotonic() + period
            self.tick()
            time.sleep(TICK_SECONDS)


@contextmanager
def interruptible(signals: Iterable[signal.Signals]) -> Iterator[None]:
    """Treat these signals like Ctrl-C inside the block."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _obituary(one: RunningProgram) -> str:
    name, code = one.program.name, one.exit_code
    lines = [f"died     {name:<20} exit code {code}; its log: {one.program.log}"]
    return "\n         | ".join([*lines, *one.last_lines()])
