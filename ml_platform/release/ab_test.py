"""Which of two versions a metric calls better, with an interval that holds at every look."""

import math
from collections.abc import Sequence
from typing import Literal

from ml_platform.plugins import Strict
from ml_platform.release.evidence import Moments
from ml_platform.release.findings import Pair, loss_difference
from ml_platform.release.plan import Plan
from ml_platform.release.sequential import radius

CONFIDENCE = 0.95

LOSSES = {
    "accuracy": "error",
    "brier": "brier",
    "log_loss": "log_loss",
    "mae": "absolute_error",
    "rmse": "squared_error",
}
"""The loss a row, in `Counts.quality`, behind each metric that an A/B test can compare."""

_FEWEST = 100


class ABVerdict(Strict):
    """What an A/B test says so far.

    effect: how much better the candidate is, in the metric's unit, whichever way it points;
        low, high: its interval at 95 %, however often it is looked at.
    winner: None as long as it cannot be told.
    """

    metric: str
    candidate: float | None = None
    champion: float | None = None
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    rows: int = 0
    winner: Literal["candidate", "champion", "neither"] | None = None
    reason: str


def ab_verdict(steps: Sequence[Pair], plan: Plan) -> ABVerdict:
    """Compare the labelled predictions of both versions.

    The candidate wins when the interval lies above zero and the effect is of interest, the
    champion the other way round; neither when the interval lies within `plan.min_effect`.
    """
    metric = plan.metric or ""
    if metric not in LOSSES:  # a plan of another version of ml_platform
        return ABVerdict(metric=metric, reason=f"{metric!r} cannot be compared here; reject it")
    difference, mine, theirs = loss_difference(LOSSES[metric], steps)
    rows = min(mine.n, theirs.n)
    if difference is None or rows < _FEWEST:
        told = f"{metric}: {mine.n:,} and {theirs.n:,} labelled predictions"
        return ABVerdict(metric=metric, rows=rows, reason=f"{told}, {_FEWEST} of each are needed")
    slope = _slope(metric, mine, theirs)
    scale = plan.min_effect / slope if plan.min_effect else math.sqrt(theirs.variance or 1e-12) / 20
    width = radius(difference, alpha=1.0 - CONFIDENCE, scale=scale) * slope
    effect = -difference.value * slope
    low, high = effect - width, effect + width
    winner = _winner(effect, low, high, least=plan.min_effect)
    interval = f"{effect:+.4g} ({CONFIDENCE:.0%} interval {low:+.4g} to {high:+.4g})"
    rest = f"{metric} of the candidate is better by {interval} on {mine.n:,} labelled predictions"
    return ABVerdict(
        metric=metric,
        candidate=_in_unit(metric, mine),
        champion=_in_unit(metric, theirs),
        effect=effect,
        low=low,
        high=high,
        rows=rows,
        winner=winner,
        reason=f"{_TOLD[winner]}: {rest}",
    )


_TOLD = {
    "candidate": "the candidate is better",
    "champion": "the champion is better",
    "neither": "no difference of interest",
    None: "cannot be told yet",
}


def _winner(
    effect: float, low: float, high: float, *, least: float
) -> Literal["candidate", "champion", "neither"] | None:
    if low > 0 and effect >= least:
        return "candidate"
    if high < 0 and -effect >= least:
        return "champion"
    if -least <= low and high <= least and least > 0:
        return "neither"
    return None


def _in_unit(metric: str, loss: Moments) -> float | None:
    mean = loss.mean
    if mean is None:
        return None
    if metric == "accuracy":
        return 1.0 - mean
    return math.sqrt(mean) if metric == "rmse" else mean


def _slope(metric: str, mine: Moments, theirs: Moments) -> float:
    """From a difference of the loss to one of the metric: that of the root, for rmse."""
    if metric != "rmse":
        return 1.0
    roots = math.sqrt(mine.mean or 0.0) + math.sqrt(theirs.mean or 0.0)
    return 1.0 / max(roots, 1e-12)
