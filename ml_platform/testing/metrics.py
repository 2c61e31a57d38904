"""The contract of a metric."""

import math
import re

import numpy as np
from numpy.typing import NDArray

from ml_platform.evaluation.metrics.metric import METRICS, Metric
from ml_platform.exceptions import MetricUnavailable
from ml_platform.task import Task


def check_metric(metric: Metric, *, rows: int = 200, seed: int = 0) -> None:
    """Assert that a metric keeps its contract, for each task that it says it measures."""
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", metric.key), f"key {metric.key!r}"
    assert metric.tasks, "a metric measures at least one task"
    assert METRICS.parse(metric.model_dump(mode="json")) == metric, "YAML gives another metric"
    for task in sorted(metric.tasks):
        rng = np.random.default_rng(seed)
        target, scores = example_scores(task, rows=rows, seed=seed)
        value = metric.measure(target, scores)
        assert isinstance(value, float)
        assert math.isfinite(value)
        order = rng.permutation(rows)
        shuffled = metric.measure(target[order], scores[order])
        assert math.isclose(shuffled, value, rel_tol=1e-9), "depends on the order of rows"
        _check_weighted(metric, target, scores, rng)
        _check_unmeasurable(metric, target, scores)


def example_scores(
    task: Task, *, rows: int, seed: int
) -> tuple[NDArray[np.generic], NDArray[np.float64]]:
    """Return encoded targets and passable scores of a task; some scores are equal."""
    rng = np.random.default_rng(seed)
    if task is Task.REGRESSION:
        target = rng.normal(10, 2, rows)
        return target, target + rng.normal(0, 1, rows)
    k = 2 if task is Task.BINARY else 3
    labels = np.arange(rows) % k
    raw = np.round(rng.random((rows, k)) + 0.8 * np.eye(k)[labels], 2) + 0.01
    scores = raw / raw.sum(axis=1, keepdims=True)
    return labels, scores[:, 1] if task is Task.BINARY else scores


def _check_weighted(
    metric: Metric,
    target: NDArray[np.generic],
    scores: NDArray[np.float64],
    rng: np.random.Generator,
) -> None:
    drawn = np.sort(rng.integers(0, len(target), len(target)))
    weights = np.bincount(drawn, minlength=len(target)).astype(np.float64)
    expected = metric.measure(target[drawn], scores[drawn])
    weighted = metric.weighted(target, scores)(weights)
    assert math.isclose(weighted, expected, rel_tol=1e-9), "weights are not repeated rows"


def _check_unmeasurable(
    metric: Metric, target: NDArray[np.generic], scores: NDArray[np.float64]
) -> None:
    """No rows is not measurable; rows of one target value are, or say why not; never NaN."""
    try:
        metric.measure(target[:0], scores[:0])
    except MetricUnavailable:
        pass
    else:
        raise AssertionError("measured no rows at all")
    try:
        value = metric.measure(np.full_like(target, target[0]), scores)
    except MetricUnavailable:
        return
    assert math.isfinite(value)
