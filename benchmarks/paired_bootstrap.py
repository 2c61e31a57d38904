"""Paired bootstrap of the AUC of two models: 1,000 rounds on 100,000 rows; goal 5 s.

    python benchmarks/paired_bootstrap.py [--rounds N]

DeLong's method, which `no_regression` takes for the AUC unless told otherwise, stands beside it.
"""

import argparse
import statistics
import time

from harness.truths import models_apart

from ml_platform.evaluation.paired import Method, paired_estimate
from ml_platform.evaluation.spec import metric_of_key
from ml_platform.task import Task

ROWS = 100_000


def seconds(method: Method, *, seed: int) -> tuple[float, float]:
    """Clock and CPU seconds of one comparison."""
    truth = models_apart(ROWS, seed)
    metric = metric_of_key("roc_auc")
    clock, cpu = time.perf_counter(), time.process_time()
    paired_estimate(
        metric,
        truth.target,
        truth.scores,
        others=truth.champion.scores,
        task=Task.BINARY,
        rounds=1_000,
        method=method,
    )
    return time.perf_counter() - clock, time.process_time() - cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    print(f"{'method':12} {'clock s':>8} {'CPU s':>8}   (medians of {rounds})")
    for method in ("bootstrap", "delong"):
        each = [seconds(method, seed=seed) for seed in range(rounds)]
        clock, cpu = (statistics.median(column) for column in zip(*each, strict=True))
        print(f"{method:12} {clock:8.2f} {cpu:8.2f}")


if __name__ == "__main__":
    main()
