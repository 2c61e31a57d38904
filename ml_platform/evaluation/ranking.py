"""Rows in the order of their scores: what ROC, precision-recall and top-k metrics stand on."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def summed(left: Floats, right: Floats) -> float:
    """Sum of products (n,), (n,). BLAS would start threads for each, at ten times the cost."""
    return float(np.einsum("i,i->", left, right))


def cumulated(counts: NDArray[np.number[Any]], *, before: int = 0) -> NDArray[np.int64]:
    """Running sums of whole numbers (n,), with so many zeros before them.

    As integers they cost less than half of what they cost as floats, and are the same.
    """
    sums = np.zeros(before + len(counts), np.int64)
    np.cumsum(counts.astype(np.int64), out=sums[before:])
    return sums


@dataclass(frozen=True)
class Cumulated:
    """Weights of positive and negative rows scored at least so high, at each distinct score.

    positive, negative: shape (distinct scores,), highest score first; the last is the total.
    """

    positive: Floats
    negative: Floats

    @property
    def positives(self) -> float:
        """Weight of all positive rows."""
        return float(self.positive[-1])

    @property
    def negatives(self) -> float:
        """Weight of all negative rows."""
        return float(self.negative[-1])


class Ranking:
    """Binary rows sorted once by falling score, to be cumulated under many weights.

    target: (n,) 0 or 1; scores: (n,); n >= 1. Equal scores stand as one step.
    """

    def __init__(self, target: NDArray[np.generic], scores: Floats) -> None:
        self.order = np.argsort(-scores, kind="stable")
        self.positive = np.asarray(target)[self.order].astype(np.float64)
        self._scores = scores[self.order]
        last = np.flatnonzero(np.diff(self._scores))
        self._ends = None if len(last) == len(scores) - 1 else np.append(last, len(scores) - 1)

    @cached_property
    def thresholds(self) -> Floats:
        """The distinct scores, highest first."""
        return self._scores if self._ends is None else self._scores[self._ends]

    def tie_ends(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """The last place of each place's tie, in the order of falling score."""
        return places if self._ends is None else self._ends[np.searchsorted(self._ends, places)]

    def cumulate(self, weights: Floats | None = None) -> Cumulated:
        """Cumulate the weights (n,) of the rows in their original order; 1 each when None."""
        if weights is None:
            positive = np.cumsum(self.positive)
            total = np.arange(1.0, len(self.order) + 1)
        else:
            ranked = weights[self.order]
            positive = np.cumsum(ranked * self.positive)
            total = np.cumsum(ranked)
        if self._ends is not None:
            positive, total = positive[self._ends], total[self._ends]
        return Cumulated(positive=positive, negative=total - positive)
