"""From a target column to what estimators learn."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ml_platform.exceptions import TrainingError
from ml_platform.features.values import Category, readable, token
from ml_platform.task import Task

if TYPE_CHECKING:
    import pandas as pd

MOST_CLASSES = 1000
"""A target with more values than this is a number rather than a class."""


def encode_target(
    series: "pd.Series", task: Task, positive: Category | None = None
) -> tuple[NDArray[np.generic], tuple[Category, ...]]:
    """Return the encoded target, as `Task` tells, and the classes in the order of their codes.

    Classes are ascending, numbers before text; of a binary target `positive` comes last, and is
    the greater one unless told. Regression has no classes.
    Raises TrainingError when the target has nulls, one class only, or does not fit the task.
    """
    _check_filled(series)
    if positive is not None and task is not Task.BINARY:
        raise TrainingError(f"positive={positive!r} was declared for a {task} target; only binary")
    if task is Task.REGRESSION:
        return encode_known(series, task, ()), ()
    classes = _classes(series)
    if len(classes) == 1:
        raise TrainingError(
            f"target {series.name!r} has one class only: {classes[0]!r} in all {len(series):,} "
            "rows; at least two are needed to learn from"
        )
    if len(classes) > MOST_CLASSES:
        raise TrainingError(
            f"target {series.name!r} has {len(classes):,} different values, too many for classes; "
            "declare task: regression if it is a number"
        )
    if task is Task.BINARY:
        classes = _positive_last(classes, positive, name=series.name)
    return encode_known(series, task, classes), classes


def encode_known(
    series: "pd.Series", task: Task, classes: Sequence[Category]
) -> NDArray[np.generic]:
    """Encode a target by classes already known: int64 codes, or float64 for regression; (n,).

    Raises TrainingError for nulls, a class that is not among them, or a value that is no number.
    """
    import pandas as pd

    _check_filled(series)
    if task is Task.REGRESSION:
        return _numbers(series)
    codes, uniques = pd.factorize(series)
    place = {token(category): code for code, category in enumerate(classes)}
    unknown = [value for value in uniques if token(value) not in place]
    if unknown:
        raise TrainingError(
            f"target {series.name!r} holds {_shown(unknown)}, which the model does not know "
            f"(it knows: {_shown(classes)})"
        )
    table = np.array([place[token(value)] for value in uniques], np.int64)
    return table[codes]


def _check_filled(series: "pd.Series") -> None:
    if len(series) == 0:
        raise TrainingError(f"no rows: the target {series.name!r} is empty")
    null = series.isna().to_numpy()
    if null.any():
        where = ", ".join(str(row) for row in np.flatnonzero(null)[:3])
        raise TrainingError(
            f"target {series.name!r} is null in {null.sum():,} of {len(series):,} rows (rows "
            f"{where} ...); leave rows without a label out in the source, or quarantine them"
        )


def _classes(series: "pd.Series") -> tuple[Category, ...]:
    import pandas as pd

    written: dict[str | float, Category] = {}
    for value in pd.unique(series):
        key = token(value)
        if key is None:
            raise TrainingError(
                f"target {series.name!r} holds {type(value).__name__} {value!r}; "
                "valid classes: text, finite numbers, booleans"
            )
        written.setdefault(key, readable(value))
    return tuple(written[key] for key in sorted(written, key=lambda k: (isinstance(k, str), k)))


def _positive_last(
    classes: tuple[Category, ...], positive: Category | None, *, name: Any
) -> tuple[Category, ...]:
    if len(classes) != 2:
        raise TrainingError(
            f"target {name!r} has {len(classes):,} classes ({_shown(classes)}); a binary task has "
            "two: declare task: multiclass or regression"
        )
    if positive is None:
        return classes
    if token(positive) not in map(token, classes):
        raise TrainingError(
            f"positive={positive!r} is no class of target {name!r} (it has: {_shown(classes)})"
        )
    first, last = classes
    return (first, last) if token(last) == token(positive) else (last, first)


def _numbers(series: "pd.Series") -> NDArray[np.float64]:
    import pandas as pd

    keys = series.dtype
    if pd.api.types.is_bool_dtype(keys) or not pd.api.types.is_numeric_dtype(keys):
        raise TrainingError(
            f"target {series.name!r} is {keys}, and a regression needs numbers "
            f"(it holds for example {series.iloc[0]!r})"
        )
    values = series.to_numpy(np.float64)
    if not np.isfinite(values).all():
        raise TrainingError(f"target {series.name!r} holds infinite values")
    return values


def _shown(values: Sequence[Any], *, most: int = 5) -> str:
    texts = [repr(value) for value in values[:most]]
    return ", ".join(texts) + (" ..." if len(values) > most else "")
