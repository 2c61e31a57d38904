"""How long declared models take to load into Dagster definitions.

    python benchmarks/load_models.py [--rounds N]

Each is a process of its own. `loading` is from the files, through the module that Dagster loads, to
a resolved repository of assets, checks, jobs and schedules, by the clock and in CPU; `process` adds
the start of Python and the imports. The shipped models are loaded besides.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness.interleaved import ROOT
from harness.many_models import declare

COUNTS = (1, 50, 100, 500)
SCHEDULE = '  retraining: {schedule: "0 3 * * *"}\n'

LOAD = """
import sys, time
import ml_platform.component.load

started, cpu = time.perf_counter(), time.process_time()
from ml_platform.definitions import defs
repository = defs.get_repository_def()
print(time.perf_counter() - started, time.process_time() - cpu)
found = [each for each in repository.schedule_defs if each.name.startswith("model_")]
assert len(found) == int(sys.argv[1]), found
"""


def measure(folder: Path, count: int) -> tuple[float, float, float]:
    """Seconds of loading by the clock, the same in CPU, and of the whole process."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(count)],
        cwd=ROOT,
        env={**os.environ, "ML_PLATFORM_MODELS": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(done.stderr)
    loading, cpu = map(float, done.stdout.split())
    return loading, cpu, time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    taken: dict[int, list[tuple[float, float, float]]] = {count: [] for count in COUNTS}
    with tempfile.TemporaryDirectory() as root:
        for count in COUNTS:
            declare(Path(root) / str(count), count, also=SCHEDULE)
        for _ in range(rounds):
            for count in COUNTS:
                taken[count].append(measure(Path(root) / str(count), count))
    print("models   loading       CPU   process")
    cpu: dict[int, float] = {}
    for count, rows in taken.items():
        columns = zip(*rows, strict=True)
        loading, cpu[count], process = (statistics.median(column) for column in columns)
        print(f"{count:6} {loading:8.2f}s {cpu[count]:8.2f}s {process:8.2f}s")
    at_50, at_500 = (cpu[100] - cpu[50]) / 50, (cpu[500] - cpu[100]) / 400
    print(f"one more model (CPU): {at_50 * 1e3:.1f} ms from 50 on, {at_500 * 1e3:.1f} ms to 500")
    print("to reach: 500 models in 4 s at most; one more at 500 costs no more than at 50")


if __name__ == "__main__":
    main()
