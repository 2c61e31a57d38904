"""Drift of 10M rows x 20 columns, against Evidently's DataDriftPreset on 100,000 x 20.

    python benchmarks/drift.py [--rows N] [--theirs N] [--rounds N]

Ours is what `monitoring_report` does with each column: `column_health` beside the training data
and beside the window before, each of as many rows as the window, with the drift test that is
declared by default. Evidently compares two frames, once. Twelve columns are of numbers and eight of
categories, half of them with nulls; both are given them ready in memory, ours a column at a time,
as the platform reads them. The two take turns in one process.
"""

import argparse
import gc
import resource
import statistics
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from ml_platform.evaluation.evidently_report import import_evidently
from ml_platform.monitoring.columns import column_health
from ml_platform.spec.monitoring import MonitoringSpec

COLUMNS = 20
NUMBERS = ("normal", "skewed", "whole", "few")
KINDS = (*NUMBERS, "texts", "flag", "texts", "many_texts", "normal", "normal")
NULLS = 0.05
MOVED = 0.5
"""Standard deviations by which the last column of the window moves, so that one is to be found."""

TRAINING, BEFORE, WINDOW = range(3)


class Spent(NamedTuple):
    """Seconds by the clock and of CPU."""

    clock: float
    cpu: float


def column(number: int, rows: int, sample: int) -> pd.Series:
    """A column of one of the samples, its kind by its number; every other one has nulls."""
    rng = np.random.default_rng([number, sample])
    kind = KINDS[number % len(KINDS)]
    nulls = rng.random(rows, np.float32) < NULLS if number % 2 else np.zeros(rows, bool)
    values = numbers(kind, rows, rng) if kind in NUMBERS else categories(kind, nulls, rng)
    if (number, sample) == (COLUMNS - 1, WINDOW):
        values += MOVED
    if kind in NUMBERS and number % 2:
        values = values.mask(nulls)
    if kind == "many_texts" and sample == TRAINING:
        values = values.astype(object)  # the contract says `string`, of the others `category`
    return values.rename(f"c{number:02}")


def numbers(kind: str, rows: int, rng: np.random.Generator) -> pd.Series:
    if kind == "normal":
        return pd.Series(rng.normal(size=rows))
    if kind == "skewed":
        return pd.Series(rng.exponential(size=rows))
    return pd.Series(rng.integers(0, 5_000 if kind == "whole" else 7, rows))


def categories(kind: str, nulls: np.ndarray, rng: np.random.Generator) -> pd.Series:
    """Truth values and texts as the platform reads them."""
    if kind == "flag":
        return pd.Series(pd.arrays.BooleanArray(rng.random(len(nulls), np.float32) < 0.3, nulls))
    count = 16 if kind == "texts" else 400
    codes = np.where(nulls, -1, rng.integers(0, count, len(nulls), np.int16))
    texts = [f"{kind}_{each:03}" for each in range(count)]
    return pd.Series(pd.Categorical.from_codes(codes, texts))


def ours(rows: int) -> tuple[Spent, float]:
    """What all columns took, and the highest peak of memory beside the three series of one."""
    clock, cpu, beside = 0.0, 0.0, 0.0
    drifted: list[str] = []
    for number in range(COLUMNS):
        training, before, current = (column(number, rows, sample) for sample in range(3))
        gc.collect()
        held, began = resident(), now()
        reset_peak()
        found = column_health(
            training, current, before=before, test=MonitoringSpec().drift, columns=COLUMNS
        )
        spent = since(began)
        clock, cpu, beside = clock + spent.clock, cpu + spent.cpu, max(beside, peak() - held)
        drifted += [found.column] if found.drift.verdict == "drifted" else []
    if drifted != [f"c{COLUMNS - 1:02}"]:
        raise SystemExit(f"only the last column moved, found {drifted}")
    return Spent(clock, cpu), beside


def theirs(training: pd.DataFrame, window: pd.DataFrame) -> Spent:
    """Evidently's report, without a page."""
    evidently, presets = import_evidently()
    is_number = [KINDS[number % len(KINDS)] in NUMBERS for number in range(COLUMNS)]
    definition = evidently.DataDefinition(
        numerical_columns=list(training.columns[is_number]),
        categorical_columns=list(training.columns[~np.array(is_number)]),
    )
    began = now()
    now_, before = (evidently.Dataset.from_pandas(each, definition) for each in (window, training))
    evidently.Report([presets.DataDriftPreset()]).run(now_, before)
    return since(began)


def frame(rows: int, sample: int) -> pd.DataFrame:
    table = pd.concat([column(number, rows, sample) for number in range(COLUMNS)], axis=1)
    return table.astype(dict.fromkeys(table.select_dtypes(["category", "boolean"]), object))


def now() -> Spent:
    return Spent(time.perf_counter(), time.process_time())


def since(began: Spent) -> Spent:
    return Spent(*(after - before for after, before in zip(now(), began, strict=True)))


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def reset_peak() -> None:
    """Let the kernel forget the peak so far."""
    Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024


def median(each: list[Spent]) -> Spent:
    return Spent(*map(statistics.median, zip(*each, strict=True)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--theirs", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    warnings.simplefilter("ignore")  # Evidently's own deprecations
    ours(2_000)  # what is imported and compiled once is not of interest
    theirs(frame(2_000, TRAINING), frame(2_000, WINDOW))
    training, window = frame(given.theirs, TRAINING), frame(given.theirs, WINDOW)
    both: dict[str, list[Spent]] = {"ours": [], "theirs": []}
    highest = 0.0
    for number in range(given.rounds):
        for side in ("ours", "theirs") if number % 2 == 0 else ("theirs", "ours"):
            if side == "theirs":
                both[side].append(theirs(training, window))
            else:
                spent, beside = ours(given.rows)
                both[side].append(spent)
                highest = max(highest, beside)
            print(f"round {number + 1}  {side:6} {both[side][-1].clock:6.2f} s clock", flush=True)
    a, b = median(both["ours"]), median(both["theirs"])
    print(f"ours       {given.rows:>12,} rows: {a.clock:6.2f} s clock {a.cpu:6.2f} s CPU")
    print(f"Evidently  {given.theirs:>12,} rows: {b.clock:6.2f} s clock {b.cpu:6.2f} s CPU")
    print(
        f"ratio {a.clock / b.clock:.2f} by the clock, {a.cpu / b.cpu:.2f} CPU (to reach: below 1)"
    )
    print(f"memory beside the three series of a column: {highest / 1e6:,.0f} MB at most")


if __name__ == "__main__":
    main()
