"""The gate `memory`."""

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar, Literal

import ml_platform
from ml_platform.exceptions import ModelError
from ml_platform.gates.costs import ByteBound
from ml_platform.gates.evidence import Runtime
from ml_platform.gates.gate import GATES

TIMEOUT_S = 120

_PROBE = """
import sys
from pathlib import Path
from ml_platform.training.model import Model
model = Model.load(Path(sys.argv[1]))
status = Path("/proc/self/statm")
if status.exists():
    import resource
    print(int(status.read_text().split()[1]) * resource.getpagesize())
else:
    import resource
    unit = 1 if sys.platform == "darwin" else 1024
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
"""


@GATES.register
class Memory(ByteBound):
    """Hold the resident bytes of a fresh process that loaded the model against a bound.

    They hold the libraries as well, as those of a worker of the service do.
    """

    what = "resident memory after loading"
    noisy: ClassVar[bool] = True

    type: Literal["memory"] = "memory"

    def measure(self, runtimes: Sequence[Runtime]) -> list[int]:
        """Load each in a process of its own, all at once."""
        with ExitStack() as stack:
            started = [stack.enter_context(_probe(runtime.folder)) for runtime in runtimes]
            return [_answer(process) for process in started]


def _probe(folder: Path) -> "subprocess.Popen[str]":
    package = str(Path(ml_platform.__file__).parent.parent)
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH", "")]))
    return subprocess.Popen(
        [sys.executable, "-c", _PROBE, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )


def _answer(process: "subprocess.Popen[str]") -> int:
    try:
        said, complained = process.communicate(timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        raise ModelError(f"loading it took longer than {TIMEOUT_S} s") from None
    if process.returncode != 0:
        last = (complained.strip().splitlines() or ["no reason given"])[-1]
        raise ModelError(f"it cannot be loaded: {last}")
    return int(said)
