"""Calls timed in turns, so that what disturbs one disturbs the other."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from time import perf_counter
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ml_platform.gates.evidence import Record

Predict = Callable[[list[Record]], object]
Floats = NDArray[np.float64]

WARM_UP = 3
LEAST, MOST = 20, 2000
"""Calls a batch size."""

Figure = Literal["mean", "p95", "p99"]
LEVELS = {"p95": 0.95, "p99": 0.99}
Z = 2.58
"""Of an interval at 99 %."""

Measured = tuple[float, float, float]
"""A value and its interval."""


@dataclass(frozen=True, eq=False)
class Timing:
    """Seconds of each call with batches of one size; (calls,), the pairs side by side."""

    batch: int
    candidate: Floats
    champion: Floats | None

    @property
    def calls(self) -> int:
        """How often each was called."""
        return len(self.candidate)

    def figure(self, name: Figure) -> Measured:
        """The candidate's mean or a percentile of a call in milliseconds, and interval at 99 %.

        That of a percentile rests on the order of the calls, whatever their distribution; that of
        the mean on its standard error.
        """
        seconds = self.candidate
        if name == "mean":
            value = float(seconds.mean())
            reach = Z * float(seconds.std(ddof=1)) / math.sqrt(self.calls)
            low, high = value - reach, value + reach
        else:
            value = float(np.quantile(seconds, LEVELS[name]))
            low, high = order_interval(np.sort(seconds), LEVELS[name], z=Z)
        return value * 1e3, low * 1e3, high * 1e3

    def increase(self, confidence: float) -> Measured:
        """How much slower the candidate is than the champion: median of the pairs, and interval.

        0.1 is 10 % slower. The interval rests on the order of the pairs alone.
        """
        assert self.champion is not None
        ratios = np.sort(self.candidate / self.champion)
        z = NormalDist().inv_cdf((1 + confidence) / 2)
        low, high = order_interval(ratios, 0.5, z=z)
        return float(np.median(ratios)) - 1, low - 1, high - 1

    @property
    def table(self) -> dict[str, Any]:
        """Mean and percentiles in milliseconds, JSON-ready."""
        row: dict[str, Any] = {"batch": self.batch, "calls": self.calls}
        for name, seconds in (("candidate", self.candidate), ("champion", self.champion)):
            if seconds is not None:
                levels = np.quantile(seconds, [0.5, 0.95, 0.99]) * 1e3
                row[f"{name}_mean_ms"] = float(seconds.mean() * 1e3)
                for level, value in zip(("p50", "p95", "p99"), levels.tolist(), strict=True):
                    row[f"{name}_{level}_ms"] = value
        return row


def time_interleaved(
    candidate: Predict,
    champion: Predict | None,
    records: Sequence[Record],
    *,
    batches: Sequence[int],
    seconds: float,
) -> list[Timing]:
    """Time both with each batch size, an equal part of the time for each."""
    return [
        _timed(candidate, champion, records, batch=batch, seconds=seconds / len(batches))
        for batch in batches
    ]


def _timed(
    candidate: Predict,
    champion: Predict | None,
    records: Sequence[Record],
    *,
    batch: int,
    seconds: float,
) -> Timing:
    calls = [candidate] if champion is None else [candidate, champion]
    for round_ in range(WARM_UP):
        for call in calls:
            call(_batch(records, batch, round_))
    spent: list[list[float]] = [[] for _ in calls]
    deadline = perf_counter() + seconds
    for round_ in range(MOST):
        if round_ >= LEAST and perf_counter() > deadline:
            break
        rows = _batch(records, batch, round_)
        order = range(len(calls)) if round_ % 2 else reversed(range(len(calls)))
        for place in order:
            start = perf_counter()
            calls[place](rows)
            spent[place].append(perf_counter() - start)
    own, *others = (np.array(each) for each in spent)
    return Timing(batch, own, others[0] if others else None)


def _batch(records: Sequence[Record], size: int, round_: int) -> list[Record]:
    start = round_ * size
    return [records[(start + place) % len(records)] for place in range(size)]


def order_interval(ordered: Floats, level: float, *, z: float) -> tuple[float, float]:
    """Values between which a quantile lies, by the binomial count of those below it."""
    n = len(ordered)
    reach = z * math.sqrt(n * level * (1 - level))
    low = max(0, math.floor(n * level - reach) - 1)
    high = min(n - 1, math.ceil(n * level + reach))
    return float(ordered[low]), float(ordered[high])
