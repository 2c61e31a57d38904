"""Resampling of rows: how much a metric would vary on other rows of the same kind.

Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13. Each round draws n
of n rows with replacement and keeps only how often each row came. All measures given together
see the same draws, so that differences between them are paired.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ml_platform.evaluation.metrics.metric import Weighted, Weights
from ml_platform.exceptions import MetricUnavailable

Floats = NDArray[np.float64]

MEASURABLE = 0.9
"""Share of the rounds in which a metric must be measurable for it to have an interval."""


def draws(rows: int, *, rounds: int, seed: int) -> Iterator[Weights]:
    """Yield for each round how often each of the rows was drawn, shape (rows,)."""
    rng = np.random.default_rng(seed)
    for _ in range(rounds):
        drawn = rng.integers(0, rows, rows, dtype=np.int64)
        yield np.bincount(drawn, minlength=rows).astype(np.float64)


def replicates(measures: Sequence[Weighted], *, rows: int, rounds: int, seed: int) -> Floats:
    """Measure every round: shape (rounds, measures), NaN where a measure is not defined."""
    values = np.full((rounds, len(measures)), np.nan)
    for round_, weights in enumerate(draws(rows, rounds=rounds, seed=seed)):
        for column, measure in enumerate(measures):
            values[round_, column] = _measured(measure, weights)
    return values


def percentile_interval(values: Floats, *, confidence: float) -> tuple[float, float] | None:
    """Return the central interval of replicates (rounds,) at the confidence, such as 0.95.

    None where there are none, or where more than a tenth of them could not be measured.
    """
    measured = values[~np.isnan(values)]
    if len(measured) == 0 or len(measured) < MEASURABLE * len(values):
        return None
    tail = (1 - confidence) / 2
    low, high = np.quantile(measured, [tail, 1 - tail])
    return float(low), float(high)


def _measured(measure: Weighted, weights: Weights) -> float:
    try:
        return measure(weights)
    except MetricUnavailable:
        return float("nan")
