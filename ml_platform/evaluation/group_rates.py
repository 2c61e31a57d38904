"""How differently the groups of an attribute are decided about, pair by pair."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ml_platform.evaluation.proportions import (
    Ends,
    Proportions,
    chance_at_least,
    difference_ends,
    ratio_ends,
)

Measure = Literal["disparate_impact", "demographic_parity", "equalized_odds"]
"""Least ratio of two selection rates; greatest difference of them; greatest difference of true
or of false positive rates."""

Group = tuple[str, NDArray[np.int64]]
"""Its name and the positions of its rows."""


@dataclass(frozen=True, eq=False)
class Rates:
    """One rate of every group that has rows enough for it; `small` names the others."""

    rate: str
    groups: Sequence[str]
    shares: Proportions
    small: Sequence[str]


@dataclass(frozen=True)
class GroupPair:
    """The group of the lower rate against the one of the higher.

    value: ratio or difference, with its interval; None where both rates are 0.
    support: rows of the smaller group.
    chance: one-sided p-value of so much disparity where the truth keeps the bound.
    """

    name: str
    rows: int
    support: int
    value: float | None
    low: float
    high: float
    chance: float


def rates_by_group(
    groups: Sequence[Group],
    target: NDArray[np.generic],
    decided: NDArray[np.bool_],
    *,
    measure: Measure,
    min_rows: int,
) -> list[Rates]:
    """The rates that a measure compares; target (n,) is 0 or 1, decided (n,) is the decision."""
    return [
        _rates(rate, groups, counted, decided, min_rows)
        for rate, counted in _counted(np.asarray(target), measure).items()
    ]


def compare_groups(
    rates: Rates, *, measure: Measure, bound: float, confidence: float
) -> Iterator[GroupPair]:
    """Yield every two groups."""
    order = np.argsort(rates.shares.share, kind="stable")
    pairs = np.array(list(combinations(order, 2)), dtype=np.int64).reshape(-1, 2)
    lower, higher = rates.shares.at(pairs[:, 0]), rates.shares.at(pairs[:, 1])
    values, (lows, highs), chances = _compared(lower, higher, measure, bound, confidence)
    for k, (first, second) in enumerate(pairs.tolist()):
        yield GroupPair(
            name=f"{rates.rate} of {rates.groups[first]} and {rates.groups[second]}",
            rows=int(lower.rows[k] + higher.rows[k]),
            support=int(min(lower.rows[k], higher.rows[k])),
            value=None if np.isnan(values[k]) else float(values[k]),
            low=float(lows[k]),
            high=float(highs[k]),
            chance=float(chances[k]),
        )


def _counted(target: NDArray[np.generic], measure: Measure) -> Mapping[str, NDArray[np.bool_]]:
    if measure == "equalized_odds":
        return {"true positive rate": target == 1, "false positive rate": target == 0}
    return {"selection rate": np.ones(len(target), dtype=np.bool_)}


def _rates(
    rate: str,
    groups: Sequence[Group],
    counted: NDArray[np.bool_],
    decided: NDArray[np.bool_],
    min_rows: int,
) -> Rates:
    rows = np.array([counted[places].sum() for _, places in groups], dtype=np.float64)
    hit = counted & decided
    hits = np.array([hit[places].sum() for _, places in groups], dtype=np.float64)
    enough = np.flatnonzero(rows >= min_rows)
    return Rates(
        rate=rate,
        groups=[groups[place][0] for place in enough.tolist()],
        shares=Proportions(hits, rows).at(enough),
        small=[
            f"{name} ({int(count):,} for the {rate})"
            for (name, _), count in zip(groups, rows, strict=True)
            if count < min_rows
        ],
    )


def _compared(
    lower: Proportions, higher: Proportions, measure: Measure, bound: float, confidence: float
) -> tuple[NDArray[np.float64], Ends, NDArray[np.float64]]:
    if measure == "disparate_impact":
        nobody = np.full_like(lower.rows, np.nan)
        ratio = np.divide(lower.share, higher.share, out=nobody, where=higher.hits > 0)
        ends = ratio_ends(lower, higher, confidence=confidence)
        return ratio, ends, chance_at_least(lower, higher, slope=bound)
    ends = difference_ends(higher, lower, confidence=confidence)
    chances = chance_at_least(lower, higher, bound=-bound)
    return higher.share - lower.share, ends, chances
