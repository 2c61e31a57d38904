"""What a frame looks like, and the contract that it suggests."""

import math
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from ml_platform.data.coercion import coerce, text_of
from ml_platform.data.contract import ColumnContract, Dtype

MOST_ALLOWED = 100
"""A text column with more distinct values is not listed value by value."""

TEXT_SHARE = 0.5
"""A text column with more distinct values than this share of its rows is text, not a category."""

HEAD_ROOM = 0.1
"""A range grows by this share of its width to each side."""

_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d.*)?")
_MOMENT = ColumnContract(dtype="datetime", nullable=True)
_DIGITS = 3


@dataclass(frozen=True)
class ColumnProfile:
    """What is seen in one column.

    distinct: number of different values, missing ones aside.
    low, high: of numbers, the finite ones; None elsewhere, or where there is none.
    values: of text, sorted, where there are at most MOST_ALLOWED.
    """

    dtype: Dtype
    rows: int
    nulls: int
    distinct: int
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] | None = None

    @property
    def null_fraction(self) -> float:
        """Share of missing values; 0 where there are no rows."""
        return self.nulls / self.rows if self.rows else 0.0


def profile(frame: pd.DataFrame) -> dict[str, ColumnProfile]:
    """Look at every column."""
    return {str(name): profile_column(frame[name]) for name in frame.columns}


def profile_column(series: pd.Series) -> ColumnProfile:
    """Look at one column.

    Text that is full ISO dates throughout is a datetime; codes of that form, of which none is a
    day of the calendar, are text, as are months and years. Whole floats stay float64, which takes
    integers as well; where they come from integers with gaps, nobody can tell.
    """
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.dtype.categories.dtype)
    nulls = int(series.isna().sum())
    present = series.dropna() if nulls else series
    values = _distinct(present)
    dtype = _dtype(present, values, rows=len(series))
    low, high = _range(present) if dtype in ("int64", "float64") else (None, None)
    texts = None
    if dtype == "category" and len(values) <= MOST_ALLOWED:
        texts = tuple(sorted({str(text_of(value)) for value in values}))
    return ColumnProfile(dtype, len(series), nulls, len(values), low, high, texts)


def infer_contract(frame: pd.DataFrame) -> dict[str, Any]:
    """Return a contract, as it stands in YAML, that `frame` keeps with some room to spare.

    Numbers get their range with 10 % of its width to each side, text columns of at most 100
    values those values, columns with gaps half as many again plus 1 %; half as many rows must
    come as there are. A column without a value is declared as nothing but missing.
    """
    columns = {name: _declared(seen) for name, seen in profile(frame).items()}
    return {"version": 1, "columns": columns, "table": {"min_rows": max(1, len(frame) // 2)}}


def _declared(seen: ColumnProfile) -> dict[str, Any]:
    declared: dict[str, Any] = {"dtype": seen.dtype}
    if seen.nulls:
        declared["nullable"] = True
        room = math.ceil(round((seen.null_fraction * 1.5 + 0.01) * 100, 6)) / 100
        declared["max_null_fraction"] = min(1.0, room) if seen.distinct else 1.0
    if seen.low is not None and seen.high is not None:
        declared["min"], declared["max"] = _with_room(seen.low, seen.high, dtype=seen.dtype)
    if seen.values is not None:
        declared["allowed"] = list(seen.values)
    return declared


def _distinct(present: pd.Series) -> list[Any]:
    """Return the different values; columns that cannot be hashed have none in common."""
    try:
        return present.unique().tolist()
    except TypeError:
        return present.tolist()


def _dtype(present: pd.Series, values: list[Any], *, rows: int) -> Dtype:
    kind = present.dtype.kind
    simple: dict[str, Dtype] = {"b": "bool", "i": "int64", "u": "int64", "f": "float64"}
    if not values:
        return simple.get(kind, "datetime" if kind == "M" else "float64")
    if kind in simple:
        return simple[kind]
    if kind == "M" or _are_dates(values):
        return "datetime"
    inferred = pd.api.types.infer_dtype(present)  # of `values` 0 and False are one
    named: dict[str, Dtype] = {
        "boolean": "bool",
        "integer": "int64",
        "floating": "float64",
        "decimal": "float64",
        "mixed-integer-float": "float64",
    }
    few = len(values) <= max(TEXT_SHARE * rows, 2)
    return named.get(inferred, "category" if inferred == "string" and few else "string")


def _are_dates(values: list[Any]) -> bool:
    """Whether all have the form of a full date, and at least one is one that can be read."""
    if not all(_has_form_of_date(value) for value in values):
        return False
    return bool(coerce(pd.Series(values, dtype=object), _MOMENT).values.notna().any())


def _has_form_of_date(value: Any) -> bool:
    return isinstance(value, date) or (
        isinstance(value, str) and _DATE.fullmatch(value.strip()) is not None
    )


def _range(present: pd.Series) -> tuple[float | None, float | None]:
    numbers = present if present.dtype.kind in "iu" else pd.to_numeric(present).astype("float64")
    finite = numbers if numbers.dtype.kind in "iu" else numbers[np.isfinite(numbers)]
    return (finite.min().item(), finite.max().item()) if len(finite) else (None, None)


def _with_room(low: float, high: float, *, dtype: Dtype) -> tuple[float, float]:
    """Widen a range, rounded outwards; what is never negative stays so."""
    room = HEAD_ROOM * ((high - low) or abs(high) or 1)
    least = low - room if low < 0 else max(0, low - room)
    most = high + room if high > 0 else min(0, high + room)
    if dtype == "int64":
        ends = np.iinfo(np.int64)
        return max(math.floor(least), int(ends.min)), min(math.ceil(most), int(ends.max))
    end = sys.float_info.max
    least, most = _rounded(max(least, -end), math.floor), _rounded(min(most, end), math.ceil)
    return min(least, low), max(most, high)


def _rounded(number: float, direction: Callable[[float], float]) -> float:
    """Round to three digits, so that a person can read it."""
    if number == 0:
        return number
    unit = 10.0 ** (math.floor(math.log10(abs(number))) - _DIGITS + 1)
    if unit == 0:
        return number
    rounded = float(f"{direction(number / unit) * unit:.{_DIGITS + 12}g}")
    return rounded if math.isfinite(rounded) else number
