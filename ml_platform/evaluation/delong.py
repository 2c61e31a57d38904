"""Standard errors of the area under the ROC curve, alone and of a paired difference.

DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988), 837-845, computed from sorted scores in
O(n log n) as by Sun and Xu, IEEE Signal Processing Letters 21 (2014), 1389-1393.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Placements:
    """How each row is placed among the rows of the other class, ties counted half.

    positive: (positives,) share of negatives scored below each positive.
    negative: (negatives,) share of positives scored above each negative.
    """

    positive: Floats
    negative: Floats

    @property
    def area(self) -> float:
        """Area under the curve."""
        return float(self.positive.mean())

    @property
    def error(self) -> float:
        """Standard error of the area; needs two rows of each class."""
        each = (self.positive, self.negative)
        return float(np.sqrt(sum(part.var(ddof=1) / len(part) for part in each)))

    def minus(self, other: "Placements") -> "Placements":
        """Row by row, so that `area` and `error` are those of the paired difference."""
        return Placements(self.positive - other.positive, self.negative - other.negative)


def placements(target: NDArray[np.generic], scores: Floats) -> Placements:
    """Place the rows (n,) of a binary target; both classes must occur."""
    positive = np.asarray(target).astype(bool)
    ones, zeros = scores[positive], scores[~positive]
    return Placements(_share_below(ones, zeros), 1 - _share_below(zeros, ones))


def _share_below(values: Floats, others: Floats) -> Floats:
    order = np.argsort(values)
    ranked, others = values[order], np.sort(others)
    twice = np.searchsorted(others, ranked, "left") + np.searchsorted(others, ranked, "right")
    share = np.empty(len(values))
    share[order] = twice / (2 * len(others))
    return share
