"""Validation of clean data: seconds, and peak memory against the memory of the frame.

    python benchmarks/validation.py [--rows N ...] [--rounds N]

Each size runs in a process of its own, since a peak of memory cannot be taken back. The peak is
that of the whole process above what it had before the frame was made, so the frame is in it. The
frame's memory counts a text once for each row, as `DataFrame.memory_usage(deep=True)` does, and
apart from that with texts counted once, as they lie in memory.
"""

import argparse
import gc
import json
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from ml_platform.data.contract import Contract
from ml_platform.data.validation import validate

CONTRACT = Contract.model_validate(
    {
        "version": 1,
        "columns": {
            "id": {"dtype": "int64", "unique": True, "min": 0},
            "count": {"dtype": "int64", "min": 0, "max": 99, "mean": [40, 60]},
            "price": {"dtype": "float64", "min": 0, "stdev": [0, 10]},
            "delay": {"dtype": "float64", "nullable": True, "max_null_fraction": 0.1},
            "score": {"dtype": "float64", "min": 0, "max": 1, "median": [0.4, 0.6]},
            "weight": {"dtype": "float64", "quantiles": {0.99: [0, 10]}},
            "carrier": {"dtype": "category", "allowed": [f"C{i}" for i in range(16)]},
            "origin": {"dtype": "category", "nullable": True, "pattern": "[A-Z]{3}"},
            "flag": {"dtype": "bool"},
            "time": {"dtype": "datetime", "min": "2013-01-01", "max": "2014-01-01"},
        },
        "table": {
            "min_rows": 1000,
            "max_age": "400d",
            "rules": [{"name": "order", "expression": "score <= price + 1"}],
        },
    }
)
NOW = datetime(2014, 1, 1, tzinfo=UTC)


def example(rows: int) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    delay = rng.normal(size=rows)
    delay[rng.random(rows) < 0.05] = np.nan
    carriers = np.array([f"C{i}" for i in range(16)], dtype=object)
    origins = np.array(["EWR", "JFK", "LGA", None], dtype=object)
    seconds = rng.integers(0, 364 * 86_400, rows)
    columns = {
        "id": np.arange(rows),
        "count": rng.integers(0, 100, rows),
        "price": rng.exponential(size=rows),
        "delay": delay,
        "score": rng.random(rows),
        "weight": rng.normal(5, 1, rows),
        "carrier": carriers[rng.integers(0, 16, rows)],
        "origin": origins[rng.integers(0, 4, rows)],
        "flag": rng.random(rows) < 0.5,
        "time": np.datetime64("2013-01-01", "ns") + seconds.astype("timedelta64[s]"),
    }
    return pd.DataFrame(columns, copy=False)


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def reset_peak() -> None:
    """Let the kernel forget the peak so far, so that making the frame does not count."""
    Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def measure(rows: int, rounds: int) -> dict[str, float]:
    judge(example(2_000))  # what is imported and compiled once is not of interest
    gc.collect()
    before = resident()
    frame = example(rows)
    gc.collect()
    reset_peak()
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        judge(frame)
        seconds.append(time.perf_counter() - start)
    shallow = int(frame.memory_usage(deep=False).sum())
    return {
        "rows": rows,
        "seconds": median(seconds),
        "frame": shallow,
        "peak": peak() - before,
        "deep": int(frame.memory_usage(deep=True).sum()),
    }


def judge(frame: pd.DataFrame) -> None:
    result = validate(frame, CONTRACT, event_time="time", folder=Path(), now=NOW)
    if not result.passed:
        raise SystemExit(f"the example breaks its contract: {result.summary}")


def in_own_process(rows: int, rounds: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure", "--rows", str(rows), "--rounds", str(rounds)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(given.rows[0], given.rounds)))
        return
    print("| rows | columns | seconds | frame MB | peak MB | peak / frame | of deep size |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for rows in given.rows:
        found = in_own_process(rows, given.rounds)
        frame, high = found["frame"] / 1e6, found["peak"] / 1e6
        print(
            f"| {rows:,} | {len(CONTRACT.columns)} | {found['seconds']:.2f} | {frame:,.0f} | "
            f"{high:,.0f} | {high / frame:.2f} | {high / (found['deep'] / 1e6):.2f} |"
        )


if __name__ == "__main__":
    main()
