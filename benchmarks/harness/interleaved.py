"""Commands timed against each other in one run, round by round, each in a fresh home."""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Cost:
    """Seconds of a command: by the clock, and of CPU in it and all processes it waited for.

    On a machine that others use as well, the second is the one to compare.
    """

    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.wall:7.2f} s wall {self.cpu:7.2f} s CPU"


def median_of(costs: Sequence[Cost]) -> Cost:
    """Median of each."""
    return Cost(
        statistics.median(cost.wall for cost in costs), statistics.median(c.cpu for c in costs)
    )


def cost_of(command: Sequence[str], *, environ: Mapping[str, str] | None = None) -> Cost:
    """Run a command in a fresh home. Exits with its output when it fails."""
    with tempfile.TemporaryDirectory() as home:
        own = {
            "PYTHONPATH": str(ROOT),
            "ML_PLATFORM_HOME": home,
            "ML_PLATFORM_MODELS": str(ROOT / "ml_platform_tests" / "models"),
            "DAGSTER_HOME": f"{home}/dagster",
            "BENTOML_DO_NOT_TRACK": "True",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "1",
        }
        started, cpu = time.perf_counter(), _cpu_of_children()
        done = subprocess.run(
            command,
            cwd=home,
            env={**os.environ, **own, **(environ or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        cost = Cost(time.perf_counter() - started, _cpu_of_children() - cpu)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return cost


def compare(commands: Mapping[str, Sequence[str]], *, rounds: int) -> dict[str, Cost]:
    """Median cost of each command; the order turns round from round to round."""
    taken: dict[str, list[Cost]] = {name: [] for name in commands}
    for number in range(rounds):
        names = list(commands) if number % 2 == 0 else list(reversed(commands))
        for name in names:
            taken[name].append(cost_of(commands[name]))
            print(f"round {number + 1}/{rounds}  {name:<12} {taken[name][-1]}", flush=True)
    return {name: median_of(costs) for name, costs in taken.items()}


def against_by_hand(model: str, *, rounds: int, goal: str) -> None:
    """Time `ml-platform train MODEL` against the script by hand; print medians and ratios."""
    script = ROOT / "benchmarks" / "harness" / "by_hand.py"
    medians = compare(
        {
            "ml-platform": [sys.executable, "-m", "ml_platform", "train", model],
            "by hand": [sys.executable, str(script), model],
        },
        rounds=rounds,
    )
    for name, median in medians.items():
        print(f"{name:<12} {median} (median of {rounds})")
    ours, theirs = medians["ml-platform"], medians["by hand"]
    ratio = Cost(ours.wall / theirs.wall, ours.cpu / theirs.cpu)
    print(f"ratio        {ratio.wall:7.2f}        {ratio.cpu:7.2f}   (to reach: {goal})")


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
