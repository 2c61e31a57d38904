"""Intervals of proportions and of two proportions compared, for arrays of pairs at once.

Each proportion by Wilson's score interval; differences by Newcombe's hybrid of them (Statistics
in Medicine 17, 1998, 873-890, method 10); ratios by the same square-and-add of the contrast
p - r q, solved for r (MOVER-R: Donner and Zou, Statistical Methods in Medical Research 21, 2012,
347-359). All keep their coverage for few rows and for shares of 0 and 1, where the usual normal
intervals do not.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from ml_platform.evaluation.estimates import normal_reach

Floats = NDArray[np.float64]
Ends = tuple[Floats, Floats]

FARTHEST = 40.0
"""Standard errors beyond which a normal tail is 0 in float64."""

HALVINGS = 60


@dataclass(frozen=True, eq=False)
class Proportions:
    """hits of rows, each (k,); rows >= 1."""

    hits: Floats
    rows: Floats

    @property
    def share(self) -> Floats:
        """Hits by rows."""
        return self.hits / self.rows

    def at(self, places: NDArray[np.int64]) -> "Proportions":
        """Some of them, in that order."""
        return Proportions(self.hits[places], self.rows[places])

    def ends(self, reach: Floats | float) -> Ends:
        """Wilson's interval that reaches so many standard errors."""
        square = np.square(reach) / self.rows
        share = self.share
        centre = (share + square / 2) / (1 + square)
        half = np.sqrt(square * share * (1 - share) + np.square(square) / 4) / (1 + square)
        return np.minimum(centre - half, share), np.maximum(centre + half, share)


def share_interval(share: float, rows: int, *, confidence: float) -> tuple[float, float]:
    """Wilson's interval of one share of `rows` rows.

    >>> tuple(round(end, 3) for end in share_interval(1.0, 10, confidence=0.95))
    (0.722, 1.0)
    """
    hits = np.array([share * rows])
    low, high = Proportions(hits, np.array([float(rows)])).ends(normal_reach(confidence))
    return float(low[0]), float(high[0])


def difference_ends(first: Proportions, second: Proportions, *, confidence: float) -> Ends:
    """Interval of first - second."""
    reach = normal_reach(confidence)
    return _contrast(first, second, 1.0, -reach), _contrast(first, second, 1.0, reach)


def ratio_ends(first: Proportions, second: Proportions, *, confidence: float) -> Ends:
    """Interval of first / second; the upper end is infinite where second may be 0."""
    reach = normal_reach(confidence)
    (low1, high1), (low2, high2) = first.ends(reach), second.ends(reach)
    p, q = first.share, second.share
    product = p * q
    rest = low1 * (2 * p - low1)
    root = np.sqrt(np.maximum(np.square(product) - high2 * (2 * q - high2) * rest, 0))
    low = np.divide(rest, product + root, out=np.zeros_like(p), where=product + root > 0)
    scale = low2 * (2 * q - low2)
    root = np.sqrt(np.maximum(np.square(product) - scale * high1 * (2 * p - high1), 0))
    high = np.divide(product + root, scale, out=np.full_like(p, np.inf), where=scale > 0)
    return low, high


def chance_at_least(
    first: Proportions, second: Proportions, *, slope: float = 1.0, bound: float = 0.0
) -> Floats:
    """One-sided p-values of first - slope * second where the truth is at least the bound.

    The p-value is the tail at which the upper end of the interval meets the bound, so that it
    agrees with `difference_ends` (slope 1) and with `ratio_ends` (slope the ratio, bound 0).
    """
    near, far = np.zeros_like(first.rows), np.full_like(first.rows, FARTHEST)
    for _ in range(HALVINGS):
        middle = (near + far) / 2
        reached = _contrast(first, second, slope, middle) >= bound
        near, far = np.where(reached, near, middle), np.where(reached, middle, far)
    tail = NormalDist().cdf
    own = first.share - slope * second.share
    return np.where(own >= bound, 1.0, np.array([tail(-z) for z in far]))


def _contrast(
    first: Proportions, second: Proportions, slope: float, reach: Floats | float
) -> Floats:
    """End of the interval of first - slope * second; the upper one at a positive reach."""
    (low1, high1), (low2, high2) = first.ends(reach), second.ends(reach)
    p, q = first.share, second.share
    up = np.hypot(high1 - p, slope * (q - low2))
    down = np.hypot(p - low1, slope * (high2 - q))
    return p - slope * q + np.where(np.asarray(reach) >= 0, up, -down)
