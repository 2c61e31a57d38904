"""How far predictions, and how sure they are, moved from what they were."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from ml_platform.component.steps.production_window import Window
from ml_platform.drift.bins import Reference
from ml_platform.drift.column import ColumnDrift
from ml_platform.drift.usual import UNKNOWN, UsualWindow
from ml_platform.monitoring.traffic import SHADOW
from ml_platform.task import Task

_FIELDS = {"prediction": "scores", "confidence": "confidence"}
"""The field of the report that is about each figure."""


def prediction_drift(
    window: Window,
    version: int,
    *,
    holdout: Mapping[str, Reference],
    usual: Mapping[str, UsualWindow],
) -> dict[str, ColumnDrift]:
    """How far the figures of a version's predictions lie from its holdout, and the window before.

    holdout: by figure, as counted. usual: by figure, what a window is like as a rule.
    Returns fields of the report.
    """
    spec = window.declaration.spec
    test = spec.monitoring.drift
    current, before = (figures(_own(each, version), spec.task) for each in (window, window.before))
    found: dict[str, ColumnDrift] = {}
    for name, own in current.items():
        moved = test.compare(holdout[name], own, columns=2)
        found[_FIELDS[name]] = moved.given_usual(usual.get(name, UNKNOWN).distance)
        if len(before[name]):
            found[f"{_FIELDS[name]}_before"] = test.compare(before[name], own, columns=2)
    return found


def _own(window: Window, version: int) -> pd.Series:
    """What the version scored for somebody."""
    rows = window.table("score", "version", "role")
    own = pc.and_(pc.equal(rows["version"], version), pc.not_equal(rows["role"], SHADOW))
    return rows.filter(own)["score"].to_pandas()


def figures(scores: pd.Series, task: Task) -> dict[str, pd.Series]:
    """What is compared of predictions: `prediction`, and of classes `confidence`, how sure it is.

    That is the probability of what was predicted.
    """
    found = {"prediction": scores.rename("prediction")}
    if task is not Task.REGRESSION:
        sure = np.maximum(scores, 1 - scores) if task is Task.BINARY else scores
        found["confidence"] = sure.rename("confidence")
    return found
