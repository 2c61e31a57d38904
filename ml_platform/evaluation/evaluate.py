"""Scores against what happened, with intervals and slice by slice."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_platform.evaluation.bootstrap import (
    measure_each,
    part_to_resample,
    percentile_interval,
    replicates,
    scaled,
)
from ml_platform.evaluation.metrics.metric import Metric, Scores, Target
from ml_platform.evaluation.proportions import share_interval
from ml_platform.evaluation.report import Evaluation, MetricValue, SliceValue
from ml_platform.evaluation.slices import slices_of
from ml_platform.evaluation.spec import EvaluationSpec
from ml_platform.exceptions import DataError, MetricUnavailable
from ml_platform.task import Task

_NO_SPREAD = 1e-12
"""Resamples that differ by no more differ by rounding alone: they say nothing of other rows."""


def evaluate(
    target: Target,
    scores: Scores,
    *,
    task: Task,
    spec: EvaluationSpec,
    frame: pd.DataFrame | None = None,
    metrics: Sequence[Metric] | None = None,
    classes: Sequence[Any] = (),
    seed: int = 0,
) -> Evaluation:
    """Measure scores (shapes as in `Task`) against encoded targets (n,).

    frame: the same rows, with the columns of `spec.slices` and `spec.sensitive`.
    metrics: `spec.metrics_for(task, also=...)`; without them what the spec names.
    classes: names of the classes in their order, the positive one last.

    Raises DataError when lengths differ or a slice column is missing.
    """
    _agree(target, scores, frame, spec)
    chosen = tuple(metrics) if metrics is not None else spec.metrics_for(task)
    sensitive = frozenset(spec.sensitive)
    slices = tuple(
        SliceValue(
            column=column,
            value=value,
            rows=len(rows),
            metrics=measure_all(chosen, target[rows], scores[rows], spec=spec, seed=seed),
            sensitive=column in sensitive,
        )
        for column, value, rows in _parts(frame, spec)
    )
    return Evaluation(
        task=task,
        rows=len(target),
        metrics=measure_all(chosen, target, scores, spec=spec, seed=seed),
        slices=slices,
        confidence=spec.confidence,
        rounds=spec.bootstrap,
        seed=seed,
        **_summary(target, scores, task, classes),
    )


def measure_all(
    metrics: Sequence[Metric], target: Target, scores: Scores, *, spec: EvaluationSpec, seed: int
) -> dict[str, MetricValue]:
    """Measure each metric on the same rows, with an interval; keyed by the metrics' keys."""
    values: dict[str, MetricValue] = {}
    values = {metric.key: _measure(metric, target, scores) for metric in metrics}
    measured = [metric for metric in metrics if values[metric.key].value is not None]
    if not measured or not spec.bootstrap:
        return values
    whole = np.array([values[metric.key].value for metric in measured])
    drawn = _replicates(measured, target, scores, whole, rounds=spec.bootstrap, seed=seed)
    for place, metric in enumerate(measured):
        interval = _interval(drawn[:, place], metric, target, scores, spec.confidence)
        if interval is not None:
            low, high = interval
            update = {"low": low, "high": high}
            values[metric.key] = values[metric.key].model_copy(update=update)
    return values


def _replicates(
    metrics: Sequence[Metric],
    target: Target,
    scores: Scores,
    whole: Scores,
    *,
    rounds: int,
    seed: int,
) -> Scores:
    rows = len(target)
    part = part_to_resample(rows, seed=seed)
    if part is not None:
        target, scores = target[part], scores[part]
    measures = [metric.weighted(target, scores) for metric in metrics]
    drawn = replicates(measures, rows=len(target), rounds=rounds, seed=seed)
    if part is None:
        return drawn
    centre = measure_each(measures, np.ones(len(part)))
    return scaled(drawn, centre=centre, whole=whole, share=len(part) / rows)


def _interval(
    drawn: Scores, metric: Metric, target: Target, scores: Scores, confidence: float
) -> tuple[float, float] | None:
    """The central interval of the resamples; without spread, that of a share, where it is one."""
    ends = percentile_interval(drawn, confidence=confidence)
    if ends is None or ends[1] - ends[0] > _NO_SPREAD:
        return ends
    rows = metric.carried_by(target, scores)
    return None if not rows else share_interval(ends[0], rows, confidence=confidence)


def _measure(metric: Metric, target: Target, scores: Scores) -> MetricValue:
    better = metric.greater_is_better
    rows = len(target)
    try:
        value = metric.measure(target, scores)
    except MetricUnavailable as error:
        return MetricValue(key=metric.key, rows=rows, reason=error.reason, greater_is_better=better)
    if not np.isfinite(value):
        reason = f"it came out as {value}"
        return MetricValue(key=metric.key, rows=rows, reason=reason, greater_is_better=better)
    return MetricValue(key=metric.key, value=float(value), rows=rows, greater_is_better=better)


def _parts(
    frame: pd.DataFrame | None, spec: EvaluationSpec
) -> Iterator[tuple[str, str, NDArray[np.int64]]]:
    if frame is None:
        return
    for column in spec.columns:
        for value, rows in slices_of(pd.Series(frame[column])):
            yield column, value, rows


def _agree(
    target: Target, scores: Scores, frame: pd.DataFrame | None, spec: EvaluationSpec
) -> None:
    rows = {"targets": len(target), "scores": len(scores)}
    if frame is not None:
        rows["rows of the frame"] = len(frame)
    if len(set(rows.values())) > 1:
        found = ", ".join(f"{count:,} {name}" for name, count in rows.items())
        raise DataError(f"an evaluation needs as many scores as targets, found {found}")
    missing = [c for c in spec.columns if frame is None or c not in frame.columns]
    if missing:
        valid = ", ".join(map(str, frame.columns)) if frame is not None else "no frame was given"
        raise DataError(f"no column {missing[0]!r} to slice the evaluation by (valid: {valid})")


def _summary(
    target: Target, scores: Scores, task: Task, classes: Sequence[Any]
) -> Mapping[str, Any]:
    if len(target) == 0:
        return {}
    if task is Task.MULTICLASS:
        return {"class_rows": _class_rows(target, scores.shape[1], classes)}
    mean = float(target.astype(np.float64).mean())
    score_mean = float(scores.mean()) if np.isfinite(scores).all() else None
    summary: dict[str, Any] = {"target_mean": mean, "score_mean": score_mean}
    if task is Task.BINARY:
        summary |= {"base_rate": mean, "class_rows": _class_rows(target, 2, classes)}
    return summary


def _class_rows(target: Target, k: int, classes: Sequence[Any]) -> dict[str, int]:
    names = [str(name) for name in (classes or range(k))]
    counts = np.bincount(target.astype(np.int64), minlength=k)
    return {name: int(count) for name, count in zip(names, counts, strict=True)}
