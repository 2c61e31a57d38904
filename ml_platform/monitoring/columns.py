"""Whether a column of production is what it was in training."""

import pandas as pd

from ml_platform.drift.bins import Reference
from ml_platform.drift.column import ColumnDrift
from ml_platform.drift.drift_test import DriftTest
from ml_platform.drift.usual import UNKNOWN, UsualWindow
from ml_platform.plugins import Strict

FEW = 50
SHOWN = 5


class ColumnHealth(Strict):
    """One column of the window, beside training and beside the window before.

    nulls, nulls_in_training: shares; usual_nulls: up to which windows of training are empty as a
    rule, where that is known. unseen: share of values that training never saw; None but of text;
    unseen_examples: some of them. constant: whether it holds one value, and does not as a rule.
    drift: against training; since_before: against the window before, where there is one.
    """

    column: str
    rows: int
    nulls: float
    nulls_in_training: float
    usual_nulls: float | None = None
    unseen: float | None = None
    unseen_examples: tuple[str, ...] = ()
    constant: bool = False
    drift: ColumnDrift
    since_before: ColumnDrift | None = None


def column_health(
    training: pd.Series | Reference,
    current: pd.Series,
    *,
    before: pd.Series | None = None,
    test: DriftTest,
    columns: int,
    usual: UsualWindow = UNKNOWN,
    seed: int = 0,
) -> ColumnHealth:
    """Compare a column on all its rows; series are named by the column.

    training: the column, or what the drift test counted of it.
    before: the window before, None where there is none. columns: how many the report judges.
    usual: what windows of training are like as a rule.
    """
    if not isinstance(training, Reference):
        training = test.reference(_coded(training), seed=seed)
    current = _coded(current)
    before = None if before is None else _coded(before)
    unseen, examples = _unseen(training, current)
    has_before = before is not None and len(before) > 0
    return ColumnHealth(
        column=training.name,
        rows=len(current),
        nulls=_share_of_nulls(current),
        nulls_in_training=training.null_share,
        unseen=unseen,
        unseen_examples=examples,
        usual_nulls=usual.nulls,
        constant=_is_constant(current) and not training.constant and not usual.constant,
        drift=test.compare(training, current, columns=columns, seed=seed).given_usual(
            usual.distance
        ),
        since_before=test.compare(before, current, columns=columns, seed=seed)
        if has_before
        else None,
    )


def _share_of_nulls(series: pd.Series) -> float:
    return float(series.isna().mean()) if len(series) else 0.0


def _coded(series: pd.Series) -> pd.Series:
    """Texts as codes: what is counted several times over is hashed once."""
    return series.astype("category") if series.dtype == object else series


def _is_constant(series: pd.Series) -> bool:
    """The first rows mostly tell that it is not: all of them need not be hashed for it."""
    if len(series) < FEW or series.iloc[:FEW].nunique(dropna=False) > 1:
        return False
    return series.nunique(dropna=False) == 1


def _unseen(training: Reference, current: pd.Series) -> tuple[float | None, tuple[str, ...]]:
    """For text; a number that was never seen is no news."""
    if not training.text or training.tally is None or not len(current):
        return None, ()
    counted = current.value_counts(dropna=True)
    counted = counted[counted > 0]
    new = counted[[str(value) not in training.tally for value in counted.index]]
    return float(new.sum() / len(current)), tuple(map(str, new.index[:SHOWN]))
