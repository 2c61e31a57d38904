"""How far apart models that are equal come out: the noise floors that tolerances stand on.

Two models are *equal* here when they come from one declaration and differ by chance alone: the
seed, and which rows of the same kind they were trained on. Their metrics on the holdout are taken
as drawn from one normal distribution, of which n fits were seen.
"""

import math

import numpy as np
from numpy.typing import NDArray

from ml_platform.evaluation.estimates import student_reach

Floats = NDArray[np.float64]

FEWEST = 3
"""Fits below which nothing can be said of their spread."""


def spread(values: Floats) -> float:
    """Sample standard deviation (n - 1) of the values (n,); exactly 0 where all are the same."""
    return float(np.std(values, ddof=1)) if np.ptp(values) > 0 else 0.0


def difference_reach(values: Floats, *, confidence: float) -> float:
    """How far two further equal models may differ at the confidence, from the values (n,) seen.

    t s sqrt(2), with s the sample standard deviation and t the quantile (1 + confidence) / 2 of
    Student's t with n - 1 degrees of freedom: the difference of two draws from a normal
    distribution by an independent estimate of its spread has that distribution exactly (Hahn and
    Meeker, Statistical Intervals, 1991, chapter 4). Few fits reach far: with 3 t is 4.3 at 95 %,
    with 10 it is 2.3.
    """
    return student_reach(confidence, len(values)) * spread(values) * math.sqrt(2)


def ratio_reach(ratios: Floats, *, confidence: float) -> float:
    """How much greater than its equal a quantity may come out: 0.1 is 10 %.

    ratios: (n,) of neighbours in a row of n + 1 equal models, each measured against the one
    before it. Their logarithms have mean 0, so that their mean square is the variance of one.
    Neighbours share a model; only every second ratio counts as a degree of freedom.
    """
    logs = np.log(ratios)
    free = (len(logs) + 1) // 2
    return math.expm1(student_reach(confidence, free + 1) * math.sqrt(float(np.mean(logs**2))))


def tolerance_floor(reach: float, *, half: float) -> float:
    """The least tolerance by which the rule of `gates.tolerance` lets an equal model through.

    reach: of the measured difference of two equal models, see `difference_reach`.
    half: half of the paired interval of two of them on the rows of this holdout.

    The margin of an equal model lies above -reach. It passes where it is at least -t, and its
    interval at least -2 t; so t >= reach, and 2 t >= reach + half.

    >>> tolerance_floor(0.02, half=0.01), tolerance_floor(0.01, half=0.03)
    (0.02, 0.02)
    """
    return max(reach, (reach + half) / 2)


def bound_floor(reach: float, *, half: float) -> float:
    """How far the metric of an equal model may come out on the next holdout.

    reach: see `difference_reach`: the next model has other training rows and another seed.
    half: half of the metric's interval on this holdout; the next one has other rows as well, so
    that both have that error. The two sources are independent and add up by their squares.

    >>> bound_floor(0.03, half=0.0)
    0.03
    """
    return math.hypot(reach, math.sqrt(2) * half)


def corrected(confidence: float, *, questions: int) -> float:
    """The confidence of each of several answers that must all hold at once (Bonferroni).

    >>> round(corrected(0.95, questions=5), 6)
    0.99
    """
    return 1 - (1 - confidence) / max(questions, 1)


def differences(values: Floats) -> Floats:
    """Absolute difference of every pair of the values (n,), (n (n - 1) / 2,)."""
    first, second = np.triu_indices(len(values), k=1)
    return np.abs(values[first] - values[second])


def rounded(value: float, *, noise: float, up: bool) -> str:
    """Write a number with the digits that a noise leaves of use: two of the noise's own.

    up: whether the rest is rounded up, or down.

    >>> rounded(0.78342, noise=0.0137, up=False), rounded(0.02055, noise=0.0137, up=True)
    ('0.783', '0.021')
    >>> rounded(1234.5, noise=310.0, up=True)
    '1240'
    """
    digits = 1 - math.floor(math.log10(noise))
    steps = value * 10.0**digits
    nearest = round(steps)
    if not math.isclose(steps, nearest, rel_tol=1e-9):  # the last bits of a float are no rest
        nearest = math.ceil(steps) if up else math.floor(steps)
    return f"{nearest / 10.0**digits:.{max(digits, 0)}f}"
