"""What the evidence says about a candidate, one test each; `decide` acts on it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ml_platform.plugins import Strict
from ml_platform.release.evidence import (
    LATENCY_BINS,
    Bins,
    Counts,
    Moments,
    latency_upper,
    quantile,
    total,
)
from ml_platform.release.plan import Plan
from ml_platform.release.sequential import (
    Difference,
    chained_log_e,
    count_log_e,
    difference_of,
    either_log_e,
    mean_log_e,
    pooled,
    radius,
    stability_index,
)

ALPHA = 0.01
"""Chance that an equal candidate is ever taken back, all tests and all looks together."""

SHARES = {"errors": 0.4, "refusals": 0.2, "latency": 0.2, "quality": 0.2}
"""How the tests divide ALPHA."""

SHIFT = 0.25
"""Population stability index of the scores from which a person is asked to look."""

_SLOW = 0.05
_LATENCY_NOISE = 0.05
"""Two equal versions in one service differ by this on the log scale: caches, neighbours, workers"""
_FEWEST_LABELS = 100
_NEUTRAL = 1.001


@dataclass(frozen=True)
class Pair:
    """Candidate and champion at one step, over the same time.

    answers: whether the candidate answers a share of the keys; in shadow it scores the same records
        as the champion, in its own time, so its latency says nothing.
    """

    candidate: Counts
    champion: Counts
    answers: bool = True


class Finding(Strict):
    """What one test says.

    verdict: "harm" takes the candidate back, "suspicious" waits for more, "fine" lets it go on.
    candidate, champion: what was measured of each, in the test's own unit.
    weight: evidence for harm, as the e-value; bound: from which it is enough.
    """

    test: str
    verdict: Literal["harm", "suspicious", "fine"]
    candidate: float | None
    champion: float | None
    weight: float
    bound: float
    reason: str


def findings(steps: Sequence[Pair], plan: Plan) -> list[Finding]:
    """Return what each test says of the steps so far, in their order."""
    planned = len(plan.steps)
    return [
        _rate("errors", steps, plan, _errors, planned),
        _rate("refusals", steps, plan, _refusals, planned),
        _latency(steps, plan, planned),
        *_quality(steps),
    ]


def shift(pair: Pair) -> tuple[float, float]:
    """Return how far the scores at a step lie apart, and how much of it may be noise."""
    return stability_index(pair.candidate.scores, pair.champion.scores)


def _errors(counts: Counts) -> int:
    return sum(counts.errors.values())


def _refusals(counts: Counts) -> int:
    return sum(counts.refusals.values())


def _rate(
    test: str, steps: Sequence[Pair], plan: Plan, events: Callable[[Counts], int], planned: int
) -> Finding:
    rise = 1.0 + plan.max_error_increase
    rises = ((rise, 0.5), (rise * 1.3, 0.2), (rise * 2, 0.15), (rise * 5, 0.1), (rise * 20, 0.05))
    logs = [
        count_log_e(events(p.candidate), events(p.champion), share=_share(p), rises=rises)
        for p in steps
    ]
    candidate, champion = _both(steps)
    mine, theirs = _ratio(events(candidate), candidate), _ratio(events(champion), champion)
    seen = f"{events(candidate):,} of {candidate.requests:,} requests ({_percent(mine)})"
    reason = f"{test}: {seen}, champion {_percent(theirs)}"
    return _finding(test, chained_log_e(logs, planned=planned), mine, theirs, reason)


def _latency(steps: Sequence[Pair], plan: Plan, planned: int) -> Finding:
    rise = math.log1p(plan.max_latency_increase)
    logs = [
        either_log_e([mean_log_e(_log_times(p), rise=rise), _slow_log_e(p, plan)])
        for p in steps
        if p.answers
    ]
    candidate, champion = _both(steps)
    mine, theirs = candidate.mean_model_time, champion.mean_model_time
    slowest = quantile(candidate.model_latency, 0.99), quantile(champion.model_latency, 0.99)
    told = [
        "unknown" if one is None or other is None else f"{one:,.0f} against {other:,.0f} us"
        for one, other in ((mine, theirs), slowest)
    ]
    reason = f"model time: mean {told[0]}, p99 {told[1]}"
    return _finding("latency", chained_log_e(logs, planned=planned), mine, theirs, reason)


def _log_times(pair: Pair) -> Difference | None:
    """Difference of the mean logarithm of the model's time, with room for what is no iid noise."""
    found = difference_of(_logs(pair.candidate.model_latency), _logs(pair.champion.model_latency))
    if found is None:
        return None
    return Difference(found.value, found.variance + _LATENCY_NOISE**2)


def _logs(bins: Bins) -> Moments:
    moments = Moments()
    for number, count in bins.items():
        middle = math.log(latency_upper(number)) - math.log(2.0) / 8.0
        moments.n += count
        moments.total += count * middle
        moments.squares += count * middle * middle
    return moments


def _slow_log_e(pair: Pair, plan: Plan) -> float:
    """Of requests beyond what few of both are: those of the candidate, against its share."""
    mine, theirs = pair.candidate.model_latency, pair.champion.model_latency
    both = {number: mine.get(number, 0) + theirs.get(number, 0) for number in mine | theirs}
    bound = quantile(both, 1.0 - _SLOW)
    if bound is None:
        return 0.0
    # The bin after that of the quantile, and what is slower still by the tolerated rise.
    beyond = bound * (1.0 + plan.max_latency_increase)
    slow = [n for n in range(LATENCY_BINS) if latency_upper(n) > beyond]
    events = [sum(times.get(n, 0) for n in slow) for times in (mine, theirs)]
    share = _share_of(mine, theirs)
    return count_log_e(*events, share=share, rises=((3.0, 0.5), (10.0, 0.3), (30.0, 0.2)))


def _quality(steps: Sequence[Pair]) -> list[Finding]:
    metrics = sorted({name for p in steps for name in p.candidate.quality})
    return [found for name in metrics if (found := _loss(name, steps, of=len(metrics)))]


def _loss(metric: str, steps: Sequence[Pair], *, of: int) -> Finding | None:
    """The loss on labelled rows: harm where an interval that always holds lies above zero."""
    difference, mine, theirs = loss_difference(metric, steps)
    if difference is None or min(mine.n, theirs.n) < _FEWEST_LABELS:
        return None
    alpha = ALPHA * SHARES["quality"] / of
    scale = math.sqrt((theirs.variance or 0.0) or 1e-12) / 10.0
    low = difference.value - radius(difference, alpha=2.0 * alpha, scale=scale)
    verdict = "harm" if low > 0 else "fine"
    told = f"{metric} on {mine.n:,} labelled rows: {mine.mean:.4g}, champion {theirs.mean:.4g}"
    return Finding(
        test=f"quality {metric}",
        verdict=verdict,
        candidate=mine.mean,
        champion=theirs.mean,
        weight=low,
        bound=0.0,
        reason=f"{told} (worse by at least {low:.3g} at any look)" if low > 0 else told,
    )


def loss_difference(
    metric: str, steps: Sequence[Pair]
) -> tuple[Difference | None, Moments, Moments]:
    """Return candidate's minus champion's mean loss over the steps, and the moments of each."""
    nothing = Moments()
    pairs = [(_of(p.candidate.quality, metric), _of(p.champion.quality, metric)) for p in steps]
    found = [difference_of(one, other) for one, other in pairs]
    both = _both(steps)
    mine, theirs = (counts.quality.get(metric, nothing) for counts in both)
    return pooled(each for each in found if each is not None), mine, theirs


def _of(quality: Mapping[str, Moments], metric: str) -> Moments:
    return quality.get(metric, Moments())


def _finding(
    test: str, log_e: float, mine: float | None, theirs: float | None, reason: str
) -> Finding:
    bound = 1.0 / (ALPHA * SHARES[test])
    weight = math.exp(min(log_e, 50.0))
    harm, suspicious = weight >= bound, weight > _NEUTRAL
    return Finding(
        test=test,
        verdict="harm" if harm else "suspicious" if suspicious else "fine",
        candidate=mine,
        champion=theirs,
        weight=weight,
        bound=bound,
        reason=reason,
    )


def _both(steps: Sequence[Pair]) -> tuple[Counts, Counts]:
    return total(p.candidate for p in steps), total(p.champion for p in steps)


def _share(pair: Pair) -> float:
    asked = pair.candidate.requests + pair.champion.requests
    return pair.candidate.requests / asked if asked else 0.0


def _share_of(candidate: Bins, champion: Bins) -> float:
    mine, theirs = sum(candidate.values()), sum(champion.values())
    return mine / (mine + theirs) if mine + theirs else 0.0


def _ratio(events: int, counts: Counts) -> float | None:
    return events / counts.requests if counts.requests else None


def _percent(share: float | None) -> str:
    return "none yet" if share is None else f"{100 * share:.3g} %"
