"""How windows of the reference differ from all of it by themselves: what is usual is no finding.

A day has one weekday and one weather, so that no day is distributed as a quarter is. What windows
of the training data were like tells what the next one may be like without anything being new.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_platform.drift.bins import counted_by_window
from ml_platform.drift.drift_test import DriftTest
from ml_platform.plugins import Strict

Floats = NDArray[np.float64]

FEWEST, FEWEST_ROWS = 10, 200
"""Windows without which nothing is known to be usual, and rows of one: what fewer rows move by is
their sampling, and within it everything would be usual."""

FAR_OUT = 3.0
"""Interquartile ranges above the upper quartile beyond which a window is unusual: the outer fence
of Tukey, Exploratory Data Analysis (1977), 2D. One or two of a hundred with a fault hardly
move it."""

OFTEN = 0.05
"""Share of the windows that hold one value only, for that to be usual."""


class UsualWindow(Strict):
    """What is usual of a column in windows of the reference; None where too few windows tell.

    distance: the effect size up to which one lies from all. nulls: the share up to which it is
    empty. constant: whether now and then it holds one value only.
    """

    distance: float | None = None
    nulls: float | None = None
    constant: bool = False


UNKNOWN = UsualWindow()


def usual_window(
    test: DriftTest,
    reference: pd.Series,
    values: pd.Series,
    *,
    windows: NDArray[np.int64],
) -> UsualWindow:
    """Return what is usual of a column.

    values: (n,) of the same column as the reference, in windows: (n,) a number a row.
    """
    counts, spacing = counted_by_window(reference, values, windows, bins=test.bins)
    rows = counts[1:].sum(axis=1)
    kept = rows >= FEWEST_ROWS
    if kept.sum() < FEWEST:
        return UNKNOWN
    own, of_all = counts[1:][kept] / rows[kept, None], counts[0] / counts[0].sum()
    power = 0.5 if test.squared else 1.0  # as the shift itself: a square has too long a tail
    moved = test.distance(np.broadcast_to(of_all, own.shape), own, spacing) ** power
    different = values.groupby(windows).nunique(dropna=False)
    constant = different.reindex(np.flatnonzero(kept)) == 1
    return UsualWindow(
        distance=_outer_fence(moved) ** (1 / power),
        nulls=min(_outer_fence(own[:, -1]), 1.0),
        constant=bool(constant.mean() >= OFTEN),
    )


def _outer_fence(values: Floats) -> float:
    lower, upper = np.quantile(values, [0.25, 0.75])
    return float(upper + FAR_OUT * (upper - lower))
