"""A measured number together with how far it can be trusted."""

import math
from dataclasses import dataclass, replace
from statistics import NormalDist

LARGE = 100_000
"""Degrees of freedom from which Student's t is the normal distribution to all digits shown."""


@dataclass(frozen=True)
class Estimate:
    """A value and its central interval at a confidence.

    rows: what it was measured on.
    support: rows that carry it: for two classes those of the rarer one. Student's t with one
        degree of freedom less than that tells how much further than the normal distribution
        an interval from so few must reach.
    """

    value: float
    low: float
    high: float
    confidence: float
    rows: int
    support: int

    @property
    def interval(self) -> tuple[float, float]:
        """Both ends."""
        return self.low, self.high

    def minus(self, bound: float) -> "Estimate":
        """The same, counted from a bound that has no error of its own."""
        return replace(self, value=self.value - bound, low=self.low - bound, high=self.high - bound)

    def negated(self) -> "Estimate":
        """The same with the other sign, for what is better when it is smaller."""
        return replace(self, value=-self.value, low=-self.high, high=-self.low)

    def chance_below_zero(self) -> float:
        """One-sided p-value of so low a value where the truth is zero or more.

        The upper end is taken to reach as many standard errors as Student's t says, so that the
        p-value is half of 1 - confidence exactly where the upper end is zero.
        """
        if self.value >= 0:
            return 1.0
        arm = self.high - self.value
        if arm <= 0:
            return 0.0
        quantile = student_reach(self.confidence, self.support)
        return student_tail(-self.value / arm * quantile, self.support)


def normal_reach(confidence: float) -> float:
    """Standard errors that a central interval of a normal distribution reaches: 1.96 for 0.95."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


def student_reach(confidence: float, support: int) -> float:
    """The same for Student's t with `support` - 1 degrees of freedom; support >= 2."""
    from scipy.special import stdtrit

    if support > LARGE:
        return normal_reach(confidence)
    return float(stdtrit(support - 1, (1 + confidence) / 2))


def student_tail(quantile: float, support: int) -> float:
    """Probability that Student's t exceeds the quantile."""
    from scipy.special import stdtr

    return float(stdtr(min(support, LARGE) - 1, -quantile))


def unseen(confidence: float, rows: int) -> float:
    """Largest share that may well be nought in so many rows: 3.7 by the rows at 0.95.

    The rule of three (Hanley and Lippman-Hand, 1983) at the interval's one side.
    """
    return -math.log((1 - confidence) / 2) / rows
