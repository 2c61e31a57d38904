"""wrk on a core of its own: how many requests a server answers, and how soon."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

SCRIPT = Path(__file__).with_name("wrk.lua")


class Answers(NamedTuple):
    """What wrk saw. Times in milliseconds; failed: refused, broken off, or later than 2 s."""

    requests: int
    seconds: float
    p50: float
    p95: float
    p99: float
    failed: int

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


def require_wrk() -> None:
    """Exit with a sentence where a command is missing."""
    for command, package in (("wrk", "wrk"), ("taskset", "util-linux")):
        if shutil.which(command) is None:
            sys.exit(
                f"error: this benchmark needs the command {command}; on Debian: "
                f"apt-get install {package} (or: make system-packages)"
            )


def ask(url: str, bodies: Path, *, clients: int, seconds: int, core: int) -> Answers:
    """Post the lines of `bodies` by turns, over connections that stay open, from one core.

    clients: connections, each of which asks again when it is answered.
    """
    asking = ["wrk", "-t", "1", "-c", str(clients), "-d", f"{seconds}s", "-s", str(SCRIPT)]
    done = subprocess.run(
        ["taskset", "-c", str(core), *asking, url, "--", str(bodies)],
        capture_output=True,
        text=True,
        check=False,
    )
    found = [line for line in done.stdout.splitlines() if line.startswith("MEASURED ")]
    if not found:
        sys.exit(f"error: wrk on {url} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return Answers(**json.loads(found[0].removeprefix("MEASURED ")))
