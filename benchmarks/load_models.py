"""How long declared models take to load into Dagster definitions.

    python benchmarks/load_models.py [--rounds N]

Each is a process of its own. `loading` is from the files to a resolved repository of assets,
checks, jobs and schedules; `process` adds the start of Python and the imports.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness.interleaved import ROOT

COUNTS = (1, 50, 100, 500)
MODEL = ROOT / "ml_platform_tests" / "models" / "small_credit"

LOAD = """
import sys, time
from pathlib import Path
from ml_platform.component.load import build_definitions, load_declarations

started = time.perf_counter()
loaded = load_declarations([Path(sys.argv[1])])
assert len(loaded.declarations) == int(sys.argv[2]) and not loaded.broken
repository = build_definitions(loaded).get_repository_def()
assert len(repository.schedule_defs) == int(sys.argv[2])
print(time.perf_counter() - started)
"""


def declare(folder: Path, count: int) -> None:
    """Write `count` models, each in a folder of its own with its own schedule."""
    text = (MODEL / "defs.yaml").read_text() + '  retraining: {schedule: "0 3 * * *"}\n'
    for number in range(count):
        model = folder / f"model_{number:04d}"
        model.mkdir()
        (model / "defs.yaml").write_text(text.replace("name: small_credit", f"name: {model.name}"))
        for file in ("source.py", "features.py"):
            (model / file).write_bytes((MODEL / file).read_bytes())


def measure(folder: Path, count: int) -> tuple[float, float]:
    """Seconds of loading, and of the whole process."""
    started = time.perf_counter()
    command = [sys.executable, "-c", LOAD, str(folder), str(count)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return float(done.stdout), time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    taken: dict[int, list[tuple[float, float]]] = {count: [] for count in COUNTS}
    with tempfile.TemporaryDirectory() as root:
        for count in COUNTS:
            (Path(root) / str(count)).mkdir()
            declare(Path(root) / str(count), count)
        for _ in range(rounds):
            for count in COUNTS:
                taken[count].append(measure(Path(root) / str(count), count))
    print("models   loading   process")
    loading: dict[int, float] = {}
    for count, pairs in taken.items():
        loading[count], process = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(f"{count:6} {loading[count]:8.2f}s {process:8.2f}s")
    slope_at_50 = (loading[100] - loading[50]) / 50
    slope_at_500 = (loading[500] - loading[100]) / 400
    print(
        f"one more model: {slope_at_50 * 1e3:.1f} ms from 50 on, {slope_at_500 * 1e3:.1f} ms to 500"
    )
    print("to reach: 500 models in 4 s at most; one more at 500 costs no more than at 50")


if __name__ == "__main__":
    main()
