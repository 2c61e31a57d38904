"""Commands timed against each other in one run, round by round, each in a fresh home."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]


def seconds(command: Sequence[str], *, environ: Mapping[str, str] | None = None) -> float:
    """Wall time of a command in a fresh home. Exits with its output when it fails."""
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
        started = time.perf_counter()
        done = subprocess.run(
            command,
            cwd=home,
            env={**os.environ, **own, **(environ or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        taken = time.perf_counter() - started
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return taken


def compare(commands: Mapping[str, Sequence[str]], *, rounds: int) -> dict[str, float]:
    """Median seconds of each command; the order turns round from round to round."""
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(rounds):
        names = list(commands) if number % 2 == 0 else list(reversed(commands))
        for name in names:
            taken[name].append(seconds(commands[name]))
            print(f"round {number + 1}/{rounds}  {name:<12} {taken[name][-1]:7.2f} s", flush=True)
    return {name: statistics.median(values) for name, values in taken.items()}


def against_by_hand(model: str, *, rounds: int, goal: str) -> dict[str, float]:
    """Time `ml-platform train MODEL` against the script by hand; print medians and ratio."""
    script = ROOT / "benchmarks" / "harness" / "by_hand.py"
    medians = compare(
        {
            "ml-platform": [sys.executable, "-m", "ml_platform", "train", model],
            "by hand": [sys.executable, str(script), model],
        },
        rounds=rounds,
    )
    for name, median in medians.items():
        print(f"{name:<12} {median:7.2f} s (median of {rounds})")
    print(f"ratio        {medians['ml-platform'] / medians['by hand']:7.2f}   (to reach: {goal})")
    return medians
