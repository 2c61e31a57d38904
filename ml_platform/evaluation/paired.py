"""Estimates of one metric: of a model, and of the difference of two models on the same rows.

By resampling rows: central percentile intervals of the replicates, turned about the median so
that a metric whose replicates are biased (a calibration error) does not shift them, and expanded
for few rows by Student's t and sqrt(m / (m - 1)), as by Hesterberg, The American Statistician 69
(2015), 371-386. For the area under the ROC curve of two classes also by DeLong, on the logit
scale where it stands alone (Pepe, The Statistical Evaluation of Medical Tests, 2003, 5.2.5).
"""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from ml_platform.evaluation.bootstrap import (
    measure_each,
    part_to_resample,
    percentile_interval,
    replicates,
    scaled,
)
from ml_platform.evaluation.delong import placements
from ml_platform.evaluation.estimates import Estimate, normal_reach, student_reach, unseen
from ml_platform.evaluation.metrics.metric import Metric, Scores, Target
from ml_platform.evaluation.metrics.ranked import RocAuc
from ml_platform.exceptions import MetricUnavailable
from ml_platform.task import Task

Method = Literal["auto", "bootstrap", "delong"]

FEWEST = 10
"""Rows, of the rarer class where there are two, below which no interval can be trusted."""

MOST_ROWS = 100_000
"""Rows up to which all are resampled; of more, a part (see `evaluation.bootstrap`)."""


def estimate(
    metric: Metric,
    target: Target,
    scores: Scores,
    *,
    task: Task,
    confidence: float = 0.95,
    rounds: int = 1_000,
    seed: int = 0,
    method: Method = "auto",
) -> Estimate:
    """Measure scores (shapes as in `Task`) against encoded targets (n,).

    Raises MetricUnavailable, also where the rows are too few for an interval.
    """
    value = metric.measure(target, scores)
    support = _support(metric, target, task)
    if _by_delong(metric, scores, method):
        low, high = _logit_interval(target, scores, confidence, support)
    else:
        drawn = _replicates(metric, target, [scores], rounds=rounds, seed=seed)[:, 0]
        low, high = _expanded(metric, value, drawn, confidence, support)
    return Estimate(value, low, high, confidence, len(target), support)


def paired_estimate(
    metric: Metric,
    target: Target,
    scores: Scores,
    *,
    others: Scores,
    task: Task,
    confidence: float = 0.95,
    rounds: int = 1_000,
    seed: int = 0,
    method: Method = "auto",
) -> Estimate:
    """Measure how much greater the metric is by `scores` than by `others`, on the same rows.

    Raises MetricUnavailable, also where the rows are too few for an interval.
    """
    value = metric.measure(target, scores) - metric.measure(target, others)
    support = _support(metric, target, task)
    if np.array_equal(scores, others):
        low = high = 0.0
    elif _by_delong(metric, scores, method):
        error = placements(target, scores).minus(placements(target, others)).error
        arm = _arm(error, confidence, support)
        low, high = value - arm, value + arm
    else:
        drawn = _replicates(metric, target, [scores, others], rounds=rounds, seed=seed)
        difference = drawn[:, 0] - drawn[:, 1]
        low, high = _expanded(metric, value, difference, confidence, support)
    return Estimate(value, low, high, confidence, len(target), support)


def _support(metric: Metric, target: Target, task: Task) -> int:
    rows, of = len(target), "rows"
    if task is Task.BINARY:
        positives = int(np.count_nonzero(target))
        rows, of = min(positives, rows - positives), "rows of the rarer class"
    if rows < FEWEST:
        reason = f"{rows} {of} are too few for an interval (at least {FEWEST})"
        raise MetricUnavailable(metric.key, reason=reason)
    return rows


def _by_delong(metric: Metric, scores: Scores, method: Method) -> bool:
    fits = isinstance(metric, RocAuc) and scores.ndim == 1
    if method == "delong" and not fits:
        reason = "DeLong's method is for the roc_auc of two classes; use method: bootstrap"
        raise MetricUnavailable(metric.key, reason=reason)
    return fits and method != "bootstrap"


def _arm(error: float, confidence: float, support: int) -> float:
    if error == 0:
        return unseen(confidence, support)
    return error * student_reach(confidence, support)


def _logit_interval(
    target: Target, scores: Scores, confidence: float, support: int
) -> tuple[float, float]:
    placed = placements(target, scores)
    area = placed.area
    if placed.error == 0 or not 0 < area < 1:
        arm = unseen(confidence, support)
        return max(area - arm, 0.0), min(area + arm, 1.0)
    centre = math.log(area / (1 - area))
    arm = student_reach(confidence, support) * placed.error / (area * (1 - area))
    return _expit(centre - arm), _expit(centre + arm)


def _expit(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def _expanded(
    metric: Metric, value: float, drawn: Scores, confidence: float, support: int
) -> tuple[float, float]:
    ends = percentile_interval(drawn, confidence=confidence)
    if ends is None:
        reason = "it is not measurable in a tenth of the resamples: the rows are too few"
        raise MetricUnavailable(metric.key, reason=reason)
    if ends[0] == ends[1]:
        arm = unseen(confidence, support)
        return value - arm, value + arm
    middle = float(np.nanmedian(drawn))
    wider = student_reach(confidence, support) / normal_reach(confidence)
    wider *= math.sqrt(support / (support - 1))
    return value - wider * (middle - ends[0]), value + wider * (ends[1] - middle)


def _replicates(
    metric: Metric, target: Target, each: Sequence[Scores], *, rounds: int, seed: int
) -> Scores:
    """Replicates of the metric by each of the scores under the same draws: (rounds, models)."""
    rows = len(target)
    part = part_to_resample(rows, seed=seed, most=MOST_ROWS)
    if part is None:
        measures = [metric.weighted(target, scores) for scores in each]
        return replicates(measures, rows=rows, rounds=rounds, seed=seed)
    measures = [metric.weighted(target[part], scores[part]) for scores in each]
    drawn = replicates(measures, rows=len(part), rounds=rounds, seed=seed)
    whole = np.array([metric.measure(target, scores) for scores in each])
    centre = measure_each(measures, np.ones(len(part)))
    return scaled(drawn, centre=centre, whole=whole, share=len(part) / rows)
