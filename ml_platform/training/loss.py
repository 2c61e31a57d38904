"""The loss that says whether training learned anything."""

import numpy as np
from numpy.typing import NDArray

from ml_platform.task import Task

SMALLEST = float(np.finfo(np.float64).eps)


def loss(target: NDArray[np.generic], scores: NDArray[np.float64], task: Task) -> float:
    """Return mean log loss of classes, mean squared error of numbers; shapes as in `Task`."""
    if task is Task.REGRESSION:
        return float(np.mean((target.astype(np.float64) - scores) ** 2))
    codes = target.astype(np.int64)
    if task is Task.BINARY:
        chosen = np.where(codes == 1, scores, 1.0 - scores)
    else:
        chosen = scores[np.arange(len(codes)), codes]
    return float(-np.mean(np.log(np.clip(chosen, SMALLEST, 1.0))))


def constant_loss(target: NDArray[np.generic], task: Task) -> float:
    """Return the loss of the best answer that looks at no feature: the shares, or the mean."""
    if task is Task.REGRESSION:
        return float(np.var(target.astype(np.float64)))
    shares = np.bincount(target.astype(np.int64)) / len(target)
    scores = (
        np.full(len(target), shares[1])
        if task is Task.BINARY
        else np.tile(shares, (len(target), 1))
    )
    return loss(target, scores, task)
