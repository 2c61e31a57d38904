"""A real Dagster daemon on stores of its own, which ends with the test."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ml_platform.component.instance import open_instance, prepare_dagster_home
from ml_platform.settings import Settings

MODELS = """
from pathlib import Path
from ml_platform.component.load import build_definitions, load_declarations
defs = build_definitions(load_declarations([Path({folder!r})]))
"""
"""A code location with the models of one folder and all sensors."""


@dataclass(frozen=True)
class Daemon:
    """A daemon that runs. log: what it and the runs it starts print."""

    log: Path

    def wait_for(self, what: Callable[[], object], about: str, *, seconds: float = 240) -> None:
        """Return when it is so; fail with the end of the log when it never is."""
        deadline = time.monotonic() + seconds
        while not what():
            if time.monotonic() > deadline:
                told = self.log.read_text("utf-8", errors="replace")[-8000:]
                raise AssertionError(f"waited {seconds:g} s for {about}\n{told}")
            time.sleep(0.5)


@contextmanager
def running_daemon(settings: Settings, *, code: str, folder: Path) -> Iterator[Daemon]:
    """Start the daemon on a code location; its sensors look every four seconds."""
    location, log = folder / "location.py", folder / "daemon.log"
    location.write_text(code, encoding="utf-8")
    home = prepare_dagster_home(settings)
    with open_instance(settings):
        pass  # the daemon and the test would both create the tables
    command = [str(Path(sys.executable).with_name("dagster-daemon")), "run", "-f", str(location)]
    environment = {**os.environ, "DAGSTER_HOME": str(home), "ML_PLATFORM_SENSOR_SECONDS": "4"}
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            env=environment,
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield Daemon(log)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
