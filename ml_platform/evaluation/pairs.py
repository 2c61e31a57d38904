"""Positive rows scored above negative ones, under many weights."""

import numpy as np
from numpy.typing import NDArray

from ml_platform.evaluation.ranking import Floats, cumulated, summed


class ConcordantPairs:
    """Binary rows laid out once, so that the area under the ROC curve of a resample is cheap.

    target: (n,) 0 or 1; scores: (n,). Ties count half.
    """

    def __init__(self, target: NDArray[np.generic], scores: Floats) -> None:
        positive = np.asarray(target).astype(bool)
        self._ones = _by_score(np.flatnonzero(positive), scores)
        self._zeros = _by_score(np.flatnonzero(~positive), scores)
        ones, zeros = scores[self._ones], scores[self._zeros]
        self._below = np.searchsorted(zeros, ones, "left")
        at_most = np.searchsorted(zeros, ones, "right")
        self._at_most = None if np.array_equal(self._below, at_most) else at_most

    def weigh(self, weights: Floats) -> tuple[float, float, float]:
        """Weight of the concordant pairs, of the positive and of the negative rows."""
        ones = weights.take(self._ones)
        reached = cumulated(weights.take(self._zeros), before=1)
        beaten = reached.take(self._below).astype(np.float64)
        if self._at_most is not None:
            beaten = (beaten + reached.take(self._at_most)) / 2
        return summed(ones, beaten), float(ones.sum()), float(reached[-1])


def _by_score(rows: NDArray[np.int64], scores: Floats) -> NDArray[np.int64]:
    return rows[np.argsort(scores[rows], kind="stable")]
