"""Tables of verdicts for every drift test, and for what windows of the training data make usual."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from harness.data_truths import counted, shift_for
from harness.lines import HEAD, Table, line_of

from ml_platform.drift.drift_test import DRIFT_TESTS, DriftTest
from ml_platform.drift.usual import usual_window
from ml_platform.gates.tolerance import overall

COLUMNS, DAYS = 20, 90
AS_VERDICT = {"drifted": "failed", "stable": "passed", "unclear": "inconclusive"}


def judged(test: DriftTest, rows: int, seed: int, shift: float) -> str:
    """The verdict on a report of columns, the first of which moved by so many deviations."""
    found = [
        test.judge(each, name="x", columns=COLUMNS, seed=seed).verdict
        for each in counted(rows, seed, columns=COLUMNS, shift=shift)
    ]
    return overall([AS_VERDICT[verdict] for verdict in found])


def every_test(seconds: float) -> Iterator[list[str]]:
    """Each test at its own threshold: nothing moved, by half of it, and by a quarter more."""
    for name in DRIFT_TESTS.names():
        test = DRIFT_TESTS.parse({"type": name})
        for rows in (1_000, 100_000, 10_000_000):
            for times in (0.0, 0.5, 1.25):
                shift = shift_for(test, times * test.threshold)
                told = f"one moved by {times * test.threshold:.3g}" if times else "none moved"
                yield line_of(
                    lambda seed, t=test, r=rows, s=shift: judged(t, r, seed, s),
                    [name, f"{test.threshold:g}", f"{rows:,}", told],
                    seconds=seconds if times else 3 * seconds,
                )


def usual_days(seconds: float) -> Iterator[list[str]]:
    """Days that lie apart by themselves, judged with and without what is usual of them."""
    test = DRIFT_TESTS.parse({"type": "population_stability"})
    for apart in (0.0, 0.3, 1.0):
        for rows in (500, 5_000):
            for fault in (0.0, 3.0):
                for usual in (False, True):
                    yield line_of(
                        lambda seed, r=rows, a=apart, f=fault, u=usual: a_day(
                            test, seed, rows=r, apart=a, fault=f, usual=u
                        ),
                        [
                            f"{apart:g}",
                            f"{rows:,}",
                            f"moved by {fault:g}" if fault else "like the others",
                            "true" if usual else "false",
                        ],
                        seconds=seconds,
                    )


def a_day(test: DriftTest, seed: int, *, rows: int, apart: float, fault: float, usual: bool) -> str:
    """The verdict on one more day of a column whose mean is another each day.

    apart: standard deviation of the means of days, in that of a day; fault: added to the last.
    """
    rng = np.random.default_rng(seed)
    means = np.repeat(rng.normal(0.0, apart, DAYS) if apart else np.zeros(DAYS), rows)
    training = pd.Series(means + rng.normal(size=DAYS * rows), name="x")
    today = pd.Series(rng.normal(rng.normal(0.0, apart) + fault, 1.0, rows), name="x")
    found = test.compare(training, today, columns=COLUMNS, seed=seed)
    if usual:
        windows = np.repeat(np.arange(DAYS), rows)
        known = usual_window(test, training, training, windows=windows)
        found = found.given_usual(known.distance)
    return AS_VERDICT[found.verdict]


def tables(seconds: float) -> list[Table]:
    """Every table: its title, the labels of its lines, and its lines."""
    return [
        (
            f"drift tests: {COLUMNS} columns of ten even bins, by counts",
            ["test", "threshold", "rows each", "truth", *HEAD],
            every_test(seconds),
        ),
        (
            f"drift given what is usual: {DAYS} days of training, PSI, threshold 0.2",
            ["means of days apart", "rows a day", "the day", "`usual`", *HEAD],
            usual_days(seconds),
        ),
    ]
