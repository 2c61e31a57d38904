"""How good a classifier probably is on predictions whose labels are not there yet."""

from collections.abc import Callable, Collection
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml_platform.plugins import Strict
from ml_platform.task import Task

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Outcomes = Callable[[Floats], tuple[Counts, Counts]]
"""Labeled rows and the positive among them (b,), by the bins that inner edges (b - 1,) make."""

ROUNDS = 400
FEWEST = 200
"""Rows with an outcome from which on the probabilities are calibrated on them."""


class EstimatedMetric(Strict):
    """An estimate, and the interval that the metric will lie in once the labels are there."""

    value: float
    low: float
    high: float


class PerformanceEstimate(Strict):
    """An estimate, not a measurement: no label of these predictions was seen.

    rows: predictions it is about. calibrated_on: rows whose outcomes tell what a score means; 0
    where there were too few and the scores were taken for probabilities as they are.
    """

    method: str = "CBPE"
    rows: int
    calibrated_on: int
    confidence: float
    metrics: dict[str, EstimatedMetric]
    caution: str


def why_not_estimated(task: Task) -> str:
    """Why a task has no estimate; "" where it has one.

    >>> why_not_estimated(Task.REGRESSION)
    'no estimate before the labels for task regression: it takes probabilities'
    """
    if task is not Task.REGRESSION:
        return ""
    return f"no estimate before the labels for task {task.value}: it takes probabilities"


class Scores(NamedTuple):
    """Predictions by score bin, ascending; a score is the probability of something.

    score: mean score of each bin (b,). decided: predictions that decide against it and for it
    (b, 2). labeled, positive: rows whose outcome is known, and of these the ones in which it came
    true, by the same bins (b,).
    """

    score: Floats
    decided: Counts
    labeled: Counts
    positive: Counts


def outcomes_of(scores: Floats, positive: NDArray[np.bool_]) -> Outcomes:
    """Outcomes of rows by their scores (n,)."""

    def counted(edges: Floats) -> tuple[Counts, Counts]:
        places, bins = np.searchsorted(edges, scores, side="left"), len(edges) + 1
        return np.bincount(places, minlength=bins), np.bincount(places[positive], minlength=bins)

    return counted


def estimate(
    scores: Scores,
    *,
    seed: int,
    on: str = "labeled predictions",
    only: Collection[str] | None = None,
    confidence: float = 0.95,
    rounds: int = ROUNDS,
) -> PerformanceEstimate:
    """Estimate accuracy, precision, recall, f1, roc_auc, brier by the probabilities themselves.

    Confidence-based performance estimation (CBPE; NannyML, and Bialek and others, "Estimating
    Model Performance Under Covariate Shift Without Labels", arXiv 2401.08348): a prediction with
    the calibrated probability p of being positive counts as p positives and 1 - p negatives, which
    gives the expected confusion matrix at any threshold. Scores are calibrated by isotonic
    regression on known outcomes. The interval holds both what is not known of
    the calibration (rates of the bins drawn from their posterior, and made monotone again) and the
    chance in the labels to come (drawn from these rates).

    It sees a shift of the inputs. It does not see a change of what the inputs mean: where the same
    score comes to mean another risk, only labels tell.

    Of more than two classes a score is how sure the answer is, and what comes true that it is
    right (top-label calibration; Gupta and Ramdas, arXiv 2107.08353), which gives the accuracy.

    scores: at least one prediction. on: whose outcomes are known, for people. only: the metrics to
    tell; None for all. Cost by the bins, whatever the rows.
    """
    rng = np.random.default_rng(seed)
    calibrated_on = int(scores.labeled.sum())
    if calibrated_on < FEWEST:
        calibrated_on = 0
        rates = np.tile(scores.score, (rounds, 1))
    else:
        drawn = rng.beta(
            scores.positive + 0.5, scores.labeled - scores.positive + 0.5, (rounds, len(scores[0]))
        )
        rates = _monotone(drawn, (scores.labeled + 1).astype(np.float64))
    rates = np.clip(rates, 0.0, 1.0)
    total = scores.decided.sum(axis=1)
    positives = rng.binomial(scores.decided, rates[:, :, None])
    expected = _metrics(rates.mean(axis=0)[None, :, None] * scores.decided, scores)
    found = _metrics(positives.astype(np.float64), scores)
    tail = (1 - confidence) / 2
    metrics: dict[str, EstimatedMetric] = {}
    for key in found if only is None else only:
        values = found[key]
        fine = values[np.isfinite(values)]
        if len(fine) and np.isfinite(expected[key][0]):
            low, high = np.quantile(fine, [tail, 1 - tail])
            metrics[key] = EstimatedMetric(
                value=float(expected[key][0]), low=float(low), high=float(high)
            )
    calibration = (
        f"calibrated on {calibrated_on:,} {on}"
        if calibrated_on
        else f"not calibrated: fewer than {FEWEST} {on} to do it on"
    )
    return PerformanceEstimate(
        rows=int(total.sum()),
        calibrated_on=calibrated_on,
        confidence=confidence,
        metrics=metrics,
        caution=f"estimated from the scores, no label was seen; {calibration}; blind to a change "
        "of what a score means",
    )


def _metrics(positives: Floats, scores: Scores) -> dict[str, Floats]:
    """Metrics (r,) of positives (r, b, 2) among the decided (b, 2)."""
    decided = scores.decided.astype(np.float64)
    hits, misses = positives[:, :, 1].sum(axis=1), positives[:, :, 0].sum(axis=1)
    rows, chosen = decided.sum(), decided[:, 1].sum()
    by_bin = positives.sum(axis=2)
    negatives = decided.sum(axis=1) - by_bin
    all_positive, all_negative = by_bin.sum(axis=1), negatives.sum(axis=1)
    below = np.cumsum(negatives, axis=1) - negatives / 2  # pairs within a bin count half
    square = decided.sum(axis=1) * np.square(scores.score)
    brier = square.sum() + (by_bin * (1 - 2 * scores.score)).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "accuracy": (hits + decided[:, 0].sum() - misses) / rows,
            "precision": hits / chosen,
            "recall": hits / all_positive,
            "f1": 2 * hits / (chosen + all_positive),
            "roc_auc": (by_bin * below).sum(axis=1) / (all_positive * all_negative),
            "brier": brier / rows,
        }


def _monotone(rates: Floats, weights: Floats) -> Floats:
    """Each row (b,) made to ascend, by pooling neighbours that do not."""
    from scipy.optimize import isotonic_regression

    return np.array([isotonic_regression(row, weights=weights).x for row in rates])
