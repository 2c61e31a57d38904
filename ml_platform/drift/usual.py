"""How far windows of the reference lie from all of it by themselves: what is usual is no drift.

A day has one weekday and one weather, so that no day is distributed as a quarter is. What windows
of the training data moved by tells how far the next one may move without anything being new.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_platform.drift.bins import counted_by_window
from ml_platform.drift.drift_test import DriftTest

FEWEST = 10
"""Windows without which nothing is known to be usual."""

FAR_OUT = 3.0
"""Interquartile ranges above the upper quartile beyond which a window is unusual: the outer fence
of Tukey, Exploratory Data Analysis (1977), 2D. One or two of a hundred with a fault hardly
move it."""


def usual_distance(
    test: DriftTest,
    reference: pd.Series,
    values: pd.Series,
    *,
    windows: NDArray[np.int64],
    fewest: int,
) -> float | None:
    """Return the effect size (of the test) up to which a window is a usual one.

    values: (n,) of the same column as the reference, in windows: (n,) a number a row.
    fewest: rows of a window that counts. None where too few windows do.
    """
    counts, spacing = counted_by_window(reference, values, windows, bins=test.bins)
    kept = counts[1:][counts[1:].sum(axis=1) >= fewest]
    if len(kept) < FEWEST:
        return None
    own, of_all = (part / part.sum(axis=-1, keepdims=True) for part in (kept, counts[0]))
    power = 0.5 if test.squared else 1.0  # as the shift itself: a square has too long a tail
    moved = test.distance(np.broadcast_to(of_all, own.shape), own, spacing) ** power
    lower, upper = np.quantile(moved, [0.25, 0.75])
    return float(upper + FAR_OUT * (upper - lower)) ** (1 / power)
