"""Parts of the holdout by the values of a column."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MISSING = "(missing)"
OTHER = "(other)"


def slices_of(
    column: pd.Series, *, most: int = 20, ranges: int = 4
) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Yield the name and the ascending row positions of each part; every row is in one.

    Values are parts of their own, in their order. Numbers and times of more than `most` values
    are cut at their quantiles into `ranges`; of other columns the `most` largest stay and the
    rest is `(other)`. Rows without a value are `(missing)`.
    """
    parts = _ranges(column, ranges) if _continuous(column, most) else _values(column, most)
    codes = np.asarray(parts.codes, dtype=np.int64)
    missing = column.isna().to_numpy()
    names = [*(str(name) for name in parts.categories), OTHER, MISSING]
    codes = np.where(missing, len(names) - 1, np.where(codes < 0, len(names) - 2, codes))
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(names) + 1))
    for place, name in enumerate(names):
        rows = order[bounds[place] : bounds[place + 1]]
        if len(rows):
            yield name, rows


def _continuous(column: pd.Series, most: int) -> bool:
    types = pd.api.types
    if types.is_bool_dtype(column):
        return False
    ordered = types.is_numeric_dtype(column) or types.is_datetime64_any_dtype(column)
    return ordered and column.nunique() > most


def _ranges(column: pd.Series, ranges: int) -> pd.Categorical:
    values = column
    if pd.api.types.is_numeric_dtype(column):
        values = column.astype("float64")
    cut = pd.qcut(values.reset_index(drop=True), ranges, duplicates="drop")
    return pd.Categorical(cut)


def _values(column: pd.Series, most: int) -> pd.Categorical:
    plain = column.astype(object).reset_index(drop=True)
    counts = plain.dropna().value_counts()
    kept: list[Any] = counts.index.tolist()[:most]
    try:
        kept.sort()
    except TypeError:
        kept.sort(key=str)
    return pd.Categorical(plain, categories=kept)
