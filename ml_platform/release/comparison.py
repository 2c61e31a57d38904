"""How a candidate in shadow scores beside the champion: by how much, and where; for people."""

from collections.abc import Mapping, Sequence
from typing import Any

from ml_platform.release.evidence import Agreement, Bins, Counts, difference_bounds, total

SLICES_SHOWN = 10
"""Those that the versions disagree on most; every slice stays in the release store."""

Row = dict[str, Any]


def score_differences(counts: Counts) -> list[Row]:
    """Return how candidate's minus champion's scores are distributed, lowest first.

    One row for each power of ten, on each side of 0.

    >>> score_differences(Counts(differences={-19: 1, 0: 3}))  # doctest: +NORMALIZE_WHITESPACE
    [{'difference': '-0.1 to -0.01', 'pairs': 1, 'percent': 25.0},
     {'difference': 'none', 'pairs': 3, 'percent': 75.0}]
    """
    pairs = sum(counts.differences.values())
    return [
        {"difference": name, "pairs": n, "percent": _percent(n, pairs)}
        for name, n in _decades(counts.differences).items()
    ]


def slice_differences(counts: Counts) -> list[Row]:
    """Return the slices on which the versions disagree most, and by how much.

    Ordered by how much they add to the difference as a whole: first the summed difference of the
    scores, then the predictions that are not the same.
    """
    ordered = sorted(counts.slices.items(), key=_weight, reverse=True)
    return [{"slice": name, **agreement_row(each)} for name, each in ordered[:SLICES_SHOWN]]


def agreement_row(seen: Agreement) -> Row:
    """Return pairs, how many of them agree, and the mean difference of the scores."""
    mean = seen.difference.mean
    return {
        "pairs": seen.pairs,
        "agree": seen.agree,
        "mean_difference": None if mean is None else float(f"{mean:.3g}"),
    }


def comparison(at_step: Mapping[tuple[int, str], Counts], version: int | None) -> dict[str, Any]:
    """Return `differences` and `slices` of a version at a step, rows; nothing without pairs."""
    seen = total(counts for (each, _), counts in at_step.items() if each == version)
    shown: dict[str, Sequence[Row]] = {
        "differences": score_differences(seen),
        "slices": slice_differences(seen),
    }
    return {name: rows for name, rows in shown.items() if rows}


def _decades(bins: Bins) -> dict[str, int]:
    found: dict[str, int] = {}
    for number in sorted(bins):
        name = _named(*difference_bounds(number))
        found[name] = found.get(name, 0) + bins[number]
    return found


def _named(low: float, high: float) -> str:
    return "none" if low <= 0.0 <= high else f"{low:g} to {high:g}"


def _weight(one: tuple[str, Agreement]) -> tuple[float, int]:
    seen = one[1]
    return abs(seen.difference.total), seen.pairs - seen.agree


def _percent(n: int, of: int) -> float:
    return round(100.0 * n / of, 2)
