"""The gate `memory`."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

import ml_platform
from ml_platform.evaluation.baseline import Costs
from ml_platform.exceptions import ModelError
from ml_platform.gates.costs import ByteBound
from ml_platform.gates.evidence import Runtime
from ml_platform.gates.gate import GATES
from ml_platform.training.model_folder import read_manifest

TIMEOUT_S = 120

_PROBE = """
import resource
import sys
from pathlib import Path
from ml_platform.training.model import Model

def resident():
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * resource.getpagesize()
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit

folders = [Path(name) for name in sys.argv[1:]]
kept = [Model.load(folders[0])]
print(resident())
for folder in folders:
    before = resident()
    kept.append(Model.load(folder))
    print(resident() - before)
"""


@GATES.register
class Memory(ByteBound):
    """Hold the resident bytes of a fresh process that loaded the model against a bound.

    They hold the libraries as well, as those of a worker of the service do.
    """

    what = "resident memory after loading"
    noisy: ClassVar[bool] = True

    type: Literal["memory"] = "memory"

    def accepted(self, costs: Costs) -> int | None:
        """Its bytes, where the increase is bounded."""
        return None if self.max_increase is None else costs.resident_bytes

    def measure(self, runtimes: Sequence[Runtime]) -> list[int]:
        """Load the candidate in a process of its own, and the champion where that is fair.

        Most of the time goes into importing libraries, so a champion of the same trainer is
        loaded beside the candidate: it has the candidate's memory, less what loading the
        candidate once more adds, plus what loading the champion adds.
        """
        folders = [runtime.folder for runtime in runtimes]
        if len({read_manifest(folder).trainer for folder in folders}) > 1:
            return [_loaded([folder])[0] for folder in folders]
        total, *added = _loaded(folders)
        return [total + more - added[0] for more in added]


def _loaded(folders: Sequence[Path]) -> list[int]:
    """Resident bytes with the first model, then what each of them adds once more."""
    package = str(Path(ml_platform.__file__).parent.parent)
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH", "")]))
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROBE, *map(str, folders)],
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
            env={**os.environ, "PYTHONPATH": path},
        )
    except subprocess.TimeoutExpired:
        raise ModelError(f"loading it took longer than {TIMEOUT_S} s") from None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ModelError(f"it cannot be loaded: {last}")
    return [int(line) for line in done.stdout.split()]
