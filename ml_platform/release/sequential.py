"""Tests that may be looked at as often as one likes: their chance of a false alarm holds for ever.

An *e-value* is the likelihood of what was seen under "the candidate is worse", over that under
"it is not". Where the candidate is not worse, the chance that it *ever* exceeds 1/alpha is at most
alpha, however often somebody looks (Ville's inequality). Sources:

- mixture likelihood ratios: H. Robbins, "Statistical methods related to the law of the iterated
  logarithm", Ann. Math. Stat. 41 (1970); R. Johari, P. Koomen, L. Pekelis, D. Walsh, "Always valid
  inference: continuous monitoring of A/B tests", Operations Research 70 (2022)
- counts of rare events, given their sum: J. Przyborowski, H. Wilenski, Biometrika 31 (1940)
- means: I. Waudby-Smith, D. Arbour, R. Sinha, E. Kennedy, A. Ramdas, "Time-uniform central limit
  theory and asymptotic confidence sequences", Annals of Statistics 52 (2024)
- products and averages of e-values: V. Vovk, R. Wang, "E-values: calibration, combination and
  applications", Annals of Statistics 49 (2021)
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from ml_platform.release.evidence import Bins, Moments

_FEWEST = 30
"""Values of each version below which a mean is not taken to be normal."""


@dataclass(frozen=True)
class Difference:
    """An estimate and its variance."""

    value: float
    variance: float


def count_log_e(
    candidate: int, champion: int, *, share: float, rises: Iterable[tuple[float, float]]
) -> float:
    """Return the log e-value of "the candidate has such events more often than the champion".

    candidate, champion: number of events. share: of the requests that the candidate got, 0 to 1.
    rises: (factor by which events are more frequent, weight); weights sum to 1.

    Given an event, the chance that it is the candidate's is `share` where both are alike, whatever
    their rate and however it changes over time: only the division of the events matters.

    >>> round(count_log_e(60, 950, share=0.05, rises=[(1.2, 1.0)]), 2)
    0.89
    """
    if not 0.0 < share < 1.0:
        return 0.0
    terms: list[float] = []
    for factor, weight in rises:
        grown = share * factor / (share * factor + 1.0 - share)
        ratio = candidate * math.log(grown / share)
        ratio += champion * math.log((1.0 - grown) / (1.0 - share))
        terms.append(ratio + math.log(weight))
    return _log_sum(terms)


def mean_log_e(difference: Difference | None, *, rise: float) -> float:
    """Return the log e-value of "the mean is higher by `rise`" against "it is not higher".

    With less than half of the rise it falls for ever, with more it grows.
    """
    if difference is None:
        return 0.0
    return rise * (difference.value - rise / 2.0) / difference.variance


def either_log_e(logs: Sequence[float]) -> float:
    """Return the log e-value of "one of these", the average of e-values."""
    return _log_sum(list(logs)) - math.log(len(logs))


def chained_log_e(steps: Sequence[float], *, planned: int) -> float:
    """Return the log e-value over the steps of a release, each with requests of its own.

    steps: log e-values of the steps so far; planned: of how many. What begins at a late step is
    seen although the early ones spoke for the candidate: the average over where it may begin.
    """
    planned = max(planned, len(steps))
    begins = [sum(steps[first:]) for first in range(len(steps))]
    return either_log_e(begins + [0.0] * (planned - len(steps))) if planned else 0.0


def difference_of(candidate: Moments, champion: Moments) -> Difference | None:
    """Return the difference of two means; None where there are too few values to tell."""
    if min(candidate.n, champion.n) < _FEWEST:
        return None
    mine, theirs = candidate.variance or 0.0, champion.variance or 0.0
    variance = mine / candidate.n + theirs / champion.n
    value = candidate.total / candidate.n - champion.total / champion.n
    return Difference(value, max(variance, 1e-18))


def pooled(differences: Iterable[Difference]) -> Difference | None:
    """Return the difference over steps, each weighted by how well it is known."""
    found = list(differences)
    if not found:
        return None
    weight = sum(1.0 / each.variance for each in found)
    return Difference(sum(d.value / d.variance for d in found) / weight, 1.0 / weight)


def radius(difference: Difference, *, alpha: float, scale: float) -> float:
    """Return the half width of an interval around a difference that holds at all looks at once.

    scale: the size of difference at which it shall be narrowest, a guess made beforehand.
    """
    information = 1.0 / difference.variance
    grown = 1.0 + information * scale * scale
    spread = 2.0 * grown / (information * information * scale * scale)
    return math.sqrt(spread * math.log(math.sqrt(grown) / alpha))


def stability_index(candidate: Bins, champion: Bins, *, groups: int = 10) -> tuple[float, float]:
    """Return the population stability index of two histograms, and how much of it may be noise.

    Neighbouring bins are joined to about `groups` of equal size. The noise is its 99.9 % quantile
    between equal distributions, with a penalty that grows with every doubling of the rows so that
    looking again and again does not add up.
    """
    mine, theirs = _grouped(candidate, champion, groups=groups)
    n, m = sum(mine), sum(theirs)
    if min(n, m) == 0 or len(mine) < 2:
        return 0.0, 0.0
    index = 0.0
    for one, other in zip(mine, theirs, strict=True):
        p, q = (one + 0.5) / (n + 0.5 * len(mine)), (other + 0.5) / (m + 0.5 * len(mine))
        index += (p - q) * math.log(p / q)
    look = 1.0 + math.log2(max(n, 2))
    chance = 0.001 / (look * look)
    return index, _chi_square(1.0 - chance, len(mine) - 1) * (1.0 / n + 1.0 / m)


def _grouped(candidate: Bins, champion: Bins, *, groups: int) -> tuple[list[int], list[int]]:
    wanted = (sum(candidate.values()) + sum(champion.values())) / groups
    mine, theirs = [0], [0]
    for number in sorted(candidate.keys() | champion.keys()):
        if mine[-1] + theirs[-1] >= wanted:
            mine.append(0)
            theirs.append(0)
        mine[-1] += candidate.get(number, 0)
        theirs[-1] += champion.get(number, 0)
    return mine, theirs


def _chi_square(chance: float, freedom: int) -> float:
    """Quantile by the approximation of Wilson and Hilferty (1931)."""
    part = 2.0 / (9.0 * freedom)
    return freedom * (1.0 - part + NormalDist().inv_cdf(chance) * math.sqrt(part)) ** 3


def _log_sum(logs: Sequence[float]) -> float:
    largest = max(logs)
    return largest + math.log(sum(math.exp(each - largest) for each in logs))
