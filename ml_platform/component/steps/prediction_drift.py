"""How far predictions, and how sure they are, moved from what they were."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from ml_platform.component.steps.production_window import Training, Window
from ml_platform.drift.column import ColumnDrift
from ml_platform.drift.usual import UNKNOWN, UsualWindow
from ml_platform.monitoring.traffic import SHADOW
from ml_platform.spec.model import ModelSpec
from ml_platform.task import Task


def prediction_drift(
    window: Window, training: Training, *, usual: Mapping[str, UsualWindow]
) -> dict[str, ColumnDrift]:
    """How far prediction and confidence lie from the champion's holdout, and the window before.

    usual: by `prediction` and `confidence`, what a window is like as a rule.
    """
    spec = training.declaration.spec
    current, before = (_own(each, training) for each in (window, window.before))
    moved = _moved(training.holdout_scores, current, spec)
    found = {
        name: each.given_usual(usual.get(each.column, UNKNOWN).distance)
        for name, each in moved.items()
    }
    if len(before):
        found |= {f"{name}_before": d for name, d in _moved(before, current, spec).items()}
    return found


def _own(window: Window, training: Training) -> pd.Series:
    """What the champion scored for somebody."""
    rows = window.table("time", "score", "version", "role")
    own = pc.and_(pc.equal(rows["version"], training.version), pc.not_equal(rows["role"], SHADOW))
    return rows.filter(own)["score"].to_pandas().rename("prediction")


def _moved(reference: pd.Series, current: pd.Series, spec: ModelSpec) -> dict[str, ColumnDrift]:
    test, task = spec.monitoring.drift, spec.task
    found = {"scores": test.compare(reference, current, columns=2)}
    if task is not Task.REGRESSION:
        sure = [confidence(scores, task) for scores in (reference, current)]
        found["confidence"] = test.compare(sure[0], sure[1], columns=2)
    return found


def confidence(scores: pd.Series, task: Task) -> pd.Series:
    """The probability of what was predicted."""
    chosen = np.maximum(scores, 1 - scores) if task is Task.BINARY else scores
    return chosen.rename("confidence")
