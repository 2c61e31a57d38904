"""What of a distance between two samples is noise of sampling.

Both samples are drawn again many times from their own bins: once from what both have in common,
which tells what noise alone would give, and once each from its own, which tells how far the
measured value may be off. Only bins are drawn, so the cost does not depend on the rows.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_platform.drift.bins import Binned, Counts

Floats = NDArray[np.float64]
Distance = Callable[[Floats, Floats], Floats]

ROUNDS = 200


@dataclass(frozen=True)
class Noise:
    """A distance without its noise, its bounds, and whether noise alone would give it."""

    value: float
    low: float
    high: float
    significant: bool


def noise_of(
    distance: Distance,
    counted: Binned,
    *,
    power: int,
    confidence: float,
    alarms: float,
    seed: int,
) -> Noise:
    """Separate shift and noise of a distance.

    power: to which the distance is a sum of independent parts: 1 for a divergence, 2 for a norm.
        In that power the mean of the noise is subtracted.
    confidence: to each side of the bounds.
    alarms: how often noise alone may be called significant.
    """
    from scipy.special import gammaincinv, ndtri

    rng = np.random.default_rng(seed)
    rows = int(counted.reference.sum()), int(counted.current.sum())
    own = counted.reference / rows[0], counted.current / rows[1]
    common = (counted.reference + counted.current) / sum(rows)
    measured = float(distance(*own) ** power)
    chance = distance(*_redrawn_shares((common, common), rows, rng)) ** power
    again = distance(*_redrawn_shares(own, rows, rng)) ** power
    mean, variance = float(chance.mean()), float(chance.var())
    # A quadratic form of normals is close to a gamma of the same two moments (Satterthwaite).
    shape = mean * mean / variance if variance > 0 else 1.0
    critical = float(gammaincinv(shape, 1 - alarms)) * (variance / mean if mean > 0 else 0.0)
    value = max(0.0, measured - mean)
    reach = float(ndtri(confidence)) * float(again.std())
    root = 1 / power
    return Noise(
        value=value**root,
        low=max(0.0, value - reach) ** root,
        high=(value + reach) ** root,
        significant=measured > critical,
    )


def redrawn(
    shares: tuple[Floats, Floats], rows: tuple[int, int], rng: np.random.Generator
) -> tuple[Counts, Counts]:
    """Counts (rounds, b) of both samples drawn anew, as many rows as they have."""
    first, second = (
        rng.multinomial(count, _exact(share), size=ROUNDS)
        for share, count in zip(shares, rows, strict=True)
    )
    return first, second


def _redrawn_shares(
    shares: tuple[Floats, Floats], rows: tuple[int, int], rng: np.random.Generator
) -> tuple[Floats, Floats]:
    first, second = redrawn(shares, rows, rng)
    return first / rows[0], second / rows[1]


def _exact(shares: Floats) -> Floats:
    """Shares whose sum does not exceed one by rounding."""
    return shares / max(1.0, float(shares.sum()) * (1 + 1e-15))
