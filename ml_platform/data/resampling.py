"""Rows drawn with replacement: other rows of the same kind to train on."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_platform.task import Task


def resampled(
    frame: pd.DataFrame, *, target: str, task: Task, group: str | None, seed: Sequence[int]
) -> NDArray[np.int64]:
    """Positions of as many rows drawn with replacement, ascending, so that they stay in time.

    group: column whose rows belong together and are drawn together. Every class that the rows
    have is drawn once at least.
    """
    rng = np.random.default_rng(list(seed))
    if group is None:
        drawn = rng.integers(0, len(frame), len(frame))
    else:
        codes, groups = pd.factorize(frame[group])
        times = np.bincount(rng.integers(0, len(groups), len(groups)), minlength=len(groups))
        drawn = np.repeat(np.arange(len(frame)), times[codes])
    if task is not Task.REGRESSION:
        classes = pd.factorize(frame[target])[0]
        first = np.unique(classes, return_index=True)[1]
        drawn = np.concatenate([drawn, first[~np.isin(classes[first], classes[drawn])]])
    return np.sort(drawn)
