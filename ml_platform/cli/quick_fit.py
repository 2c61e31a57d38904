"""A quick fit of a proposal, so that the floors it proposes are floors of this data."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ml_platform.evaluation.report import MetricValue
from ml_platform.exceptions import DeclarationError, MLPlatformError
from ml_platform.spec.model import ModelSpec
from ml_platform.task import Task

MOST_ROWS = 20_000
"""Rows that the quick fit sees at most."""

_JUDGED: dict[Task, str] = {
    Task.BINARY: "roc_auc",
    Task.MULTICLASS: "balanced_accuracy",
    Task.REGRESSION: "r2",
}


@dataclass(frozen=True)
class Floor:
    """A proposed gate and the sentences that tell how it came about."""

    gate: dict[str, Any]
    remarks: list[str]


def propose_floor(attributes: dict[str, Any], frame: pd.DataFrame, *, folder: Path) -> Floor:
    """Fit the declared model on a part of the rows and propose the floor of its main metric.

    The floor lies half-way between no skill and what was measured: low enough to let a first
    model pass, high enough to stop one that learned nothing. Where no skill lies within the
    interval of what was measured, such a floor would be one of noise: it only warns then.
    Raises DeclarationError when the rows break the proposed contract.
    """
    spec = ModelSpec.model_validate(attributes)
    metric = _JUDGED[spec.task]
    no_skill = _no_skill(spec, frame)
    rows = _valid_rows(spec, frame, folder)
    try:
        measured = _measure(spec, rows, metric, folder)
    except MLPlatformError as error:
        return _warning(metric, no_skill, f"The quick fit did not work: {error}")
    if measured.value is None:
        return _warning(metric, no_skill, f"A quick fit on {len(rows):,} rows is {measured.text}.")
    reached = f"A quick fit on {len(rows):,} rows reached {measured.text}"
    if measured.low is None or measured.low <= no_skill:
        return _warning(metric, no_skill, f"{reached}, which may be no skill: {no_skill:.3f}.")
    floor = round(no_skill + (measured.value - no_skill) / 2, 3)
    remarks = [
        f"{reached}; no skill is {no_skill:.3f}.",
        "The floor lies half-way: raise it once you know what the model is worth.",
    ]
    return Floor({"type": "minimum_metric", "metric": metric, "floor": floor}, remarks)


def _warning(metric: str, no_skill: float, reason: str) -> Floor:
    gate = {"type": "minimum_metric", "metric": metric, "floor": round(no_skill, 3)}
    said = "The gate only warns until you set a floor and take `enforce` away."
    return Floor({**gate, "enforce": "warn"}, [*reason.splitlines(), said])


def _no_skill(spec: ModelSpec, frame: pd.DataFrame) -> float:
    if spec.task is Task.BINARY:
        return 0.5
    if spec.task is Task.MULTICLASS:
        return 1 / frame[spec.data.target].nunique(dropna=True)
    return 0.0


def _measure(spec: ModelSpec, rows: pd.DataFrame, metric: str, folder: Path) -> MetricValue:
    """The metric on the holdout of the declared split."""
    from ml_platform.evaluation.evaluate import measure_all
    from ml_platform.training.fit import train
    from ml_platform.training.target import encode_known

    data = spec.data
    split = spec.split.split(rows, target=data.target, event_time=data.event_time)
    model = train(
        rows.iloc[split.train],
        target=data.target,
        task=spec.task,
        features=spec.features,
        trainer=spec.training,
        folder=folder,
        positive=data.positive,
    )
    holdout = rows.iloc[split.holdout]
    truth = encode_known(holdout[data.target], spec.task, model.classes)
    judged = [m for m in spec.metrics if m.key == metric]
    scores = model.scores(holdout)
    return measure_all(judged, truth, scores, spec=spec.evaluation, seed=0)[metric]


def _valid_rows(spec: ModelSpec, frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
    from datetime import UTC, datetime

    from ml_platform.data.validation import validate

    validation = validate(
        frame,
        spec.data.contract,
        event_time=spec.data.event_time,
        folder=folder,
        now=datetime.now(UTC),
    )
    if not validation.passed:
        raise DeclarationError(
            f"no contract was found that the file itself keeps: {validation.summary}"
        )
    rows = validation.valid
    return rows.sample(MOST_ROWS, random_state=0).sort_index() if len(rows) > MOST_ROWS else rows
