"""Resampling of rows: how much a metric would vary on other rows of the same kind.

Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13. Each round draws n
of n rows with replacement and keeps only how often each row came. All measures given together
see the same draws, so that differences between them are paired.

Of very many rows a random part is resampled, and its spread scaled down by the square root of
the share of rows (m out of n; Bickel, Götze and van Zwet, 1997), so that time stays bounded.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ml_platform.evaluation.metrics.metric import Weighted, Weights
from ml_platform.exceptions import MetricUnavailable

Floats = NDArray[np.float64]

MEASURABLE = 0.9
"""Share of the rounds in which a metric must be measurable for it to have an interval."""


MOST_ROWS = 200_000
"""Rows up to which all are resampled."""


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
        values[round_] = measure_each(measures, weights)
    return values


def measure_each(measures: Sequence[Weighted], weights: Weights) -> Floats:
    """Measure the rows under one set of weights: (measures,), NaN where not defined."""
    return np.array([_measured(measure, weights) for measure in measures])


def part_to_resample(rows: int, *, seed: int, most: int = MOST_ROWS) -> NDArray[np.int64] | None:
    """Positions of the rows to resample, ascending; None for all of them."""
    if rows <= most:
        return None
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def scaled(values: Floats, *, centre: Floats, whole: Floats, share: float) -> Floats:
    """Carry replicates (rounds, measures) of a part over to all rows.

    centre, whole: (measures,) measured on the part and on all rows.
    share: rows of the part by all rows.
    """
    return whole + (values - centre) * np.sqrt(share)


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
