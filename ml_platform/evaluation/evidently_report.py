"""The one place that knows Evidently.

Its import takes seconds and its report minutes on large data, so it is imported when a report is
asked for, and given a sample that the page tells of. Verdicts never come from here: they rest on
all rows. Evidently's telemetry belongs to its web service, which is not used, and is off anyway.
"""

import html
import os
import warnings
from collections.abc import Callable
from typing import Any

import pandas as pd

from ml_platform.exceptions import DataError
from ml_platform.task import Task

Run = Callable[[pd.DataFrame, pd.DataFrame, dict[str, Any]], str]

COLUMN_VALUES = 200
"""A column of texts with more values than this, or half of the rows, is left out, as an id is."""


def evidently_html(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    *,
    task: Task,
    target: str | None = None,
    prediction: str | None = None,
    positive: Any = None,
    sample: int = 5000,
    seed: int = 0,
    run: Run | None = None,
) -> str:
    """Return Evidently's report of data drift as a page that needs no network.

    reference, current: for example training rows and holdout rows; columns of both are compared.
    target, prediction: columns of what happened and of what was predicted (labels, or values);
        with both, the quality of the predictions is reported as well.
    positive: the positive class of a binary task; without it both classes count alike.
    sample: rows of each frame at most, drawn by `seed`.
    run: does what `run_report` does, in another place.

    Raises DataError when a frame has no rows, or no column is comparable.
    """
    for name, frame in (("reference", reference), ("current", current)):
        if frame.empty:
            raise DataError(f"an Evidently report needs rows; the {name} frame has none")
    drawn = [
        frame.sample(min(sample, len(frame)), random_state=seed).sort_index()
        for frame in (reference, current)
    ]
    numeric, categorical, left_out = _columns(*drawn, labels=_labels(task, target, prediction))
    if not numeric and not categorical:
        raise DataError(f"no column to compare (left out: {', '.join(left_out)})")
    told = _told(drawn, reference, current, left_out)
    declared: dict[str, Any] = {"numerical_columns": numeric, "categorical_columns": categorical}
    plain = [_plain(frame, numeric, categorical) for frame in drawn]
    if target is not None and prediction is not None:
        declared |= _quality(plain, drawn, task, (target, prediction), positive)
    body = (run or run_report)(plain[0], plain[1], declared)
    start = body.index(">", body.index("<body")) + 1
    return f"{body[:start]}\n{told}{body[start:]}"


def _labels(task: Task, target: str | None, prediction: str | None) -> frozenset[str]:
    if task is Task.REGRESSION:
        return frozenset()
    return frozenset(name for name in (target, prediction) if name is not None)


def _columns(
    reference: pd.DataFrame, current: pd.DataFrame, *, labels: frozenset[str]
) -> tuple[list[str], list[str], list[str]]:
    """Sort the common columns into numeric, categorical and left out."""
    numeric: list[str] = []
    categorical: list[str] = []
    left_out: list[str] = []
    types = pd.api.types
    for name in (column for column in reference.columns if column in current.columns):
        both = [pd.Series(frame[name]) for frame in (reference, current)]
        if any(values.isna().all() for values in both):
            left_out.append(name)
        elif name in labels:
            categorical.append(name)
        elif all(types.is_numeric_dtype(v) and not types.is_bool_dtype(v) for v in both):
            numeric.append(name)
        elif types.is_datetime64_any_dtype(both[0]) or _many(both[0]):
            left_out.append(name)
        else:
            categorical.append(name)
    return numeric, categorical, left_out


def _many(values: pd.Series) -> bool:
    return values.nunique() > min(COLUMN_VALUES, len(values) / 2)


def _plain(frame: pd.DataFrame, numeric: list[str], categorical: list[str]) -> pd.DataFrame:
    """Give Evidently only the two kinds of column that it cannot misread."""
    plain = pd.DataFrame({name: frame[name].astype("float64") for name in numeric})
    for name in categorical:
        values = frame[name].astype(object)
        plain[name] = values.map(str).where(values.notna(), None)
    return plain


def _quality(
    plain: list[pd.DataFrame],
    drawn: list[pd.DataFrame],
    task: Task,
    columns: tuple[str, str],
    positive: Any,
) -> dict[str, Any]:
    """Say what is predicted; binary labels become 1 and 0, as Evidently misreads "True"."""
    target, prediction = columns
    if task is Task.REGRESSION:
        return {"regression": {"target": target, "prediction": prediction}}
    named = {"target": target, "prediction_labels": prediction}
    if task is Task.MULTICLASS or positive is None:
        return {"classification": named}
    for made, frame in zip(plain, drawn, strict=True):
        for name in columns:
            made[name] = (frame[name] == positive).astype(int)
    return {"classification": {**named, "pos_label": 1}}


def _told(
    drawn: list[pd.DataFrame], reference: pd.DataFrame, current: pd.DataFrame, left_out: list[str]
) -> str:
    counts = [
        f"{len(part):,} of {len(frame):,}"
        for part, frame in zip(drawn, (reference, current), strict=True)
    ]
    text = f"Sample: {counts[0]} reference rows, {counts[1]} current rows."
    if left_out:
        text += f" Not compared: {', '.join(map(str, left_out))}."
    style = "font: 14px sans-serif; padding: 12px 24px; background: #eef2f7"
    return f'<p style="{style}">{html.escape(text)}</p>\n'


def import_evidently() -> tuple[Any, Any]:
    """Return Evidently and its presets; the first time takes seconds."""
    os.environ.setdefault("DO_NOT_TRACK", "1")
    import evidently
    from evidently import presets

    return evidently, presets


def run_report(reference: pd.DataFrame, current: pd.DataFrame, declared: dict[str, Any]) -> str:
    """Return the page of two frames that hold nothing but the columns that are `declared`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own deprecations are not ours to mend
        evidently, presets = import_evidently()

        asked: list[Any] = [presets.DataDriftPreset()]
        if "regression" in declared:
            declared["regression"] = [evidently.Regression(**declared["regression"])]
            asked.append(presets.RegressionPreset())
        if "classification" in declared:
            named = declared["classification"]
            kind = (
                evidently.BinaryClassification
                if "pos_label" in named
                else (evidently.MulticlassClassification)
            )
            declared["classification"] = [kind(**named)]
            asked.append(presets.ClassificationPreset())
        definition = evidently.DataDefinition(**declared)
        before = evidently.Dataset.from_pandas(reference, definition)
        now = evidently.Dataset.from_pandas(current, definition)
        return evidently.Report(asked).run(now, before).get_html_str(as_iframe=False)
