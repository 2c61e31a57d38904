"""What a value becomes before its contract is checked: docs/contracts.md holds the table.

Missing is NaN in float64, None in text, NaT in datetime, NA in nullable int64 and bool. A refused
value becomes missing and its row is reported with the rule `dtype`. Whole columns at a time; a
column that needs nothing is not copied.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_platform.data.contract import TEXTS, ColumnContract

Mask = NDArray[np.bool_]

_BOOLS = {
    **dict.fromkeys(("true", "yes", "t", "y", "1"), True),
    **dict.fromkeys(("false", "no", "f", "n", "0"), False),
}
_INT64 = 2.0**63
_OFFSET = re.compile(r"[T ].+(?:Z|[+-]\d\d(?::?\d\d)?)\s*$")


@dataclass(frozen=True)
class Coerced:
    """A column of the contract's dtype.

    values: refused values are missing in it.
    refused: which rows had one; None where no row had.
    """

    values: pd.Series
    refused: Mask | None = None


def coerce(series: pd.Series, column: ColumnContract) -> Coerced:
    """Give a column the dtype of its contract; see docs/contracts.md."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.dtype.categories.dtype)
    values = _COERCIONS[column.dtype](series)
    refused = None
    if values is not series and _may_refuse(series, column):
        refused = (values.isna() & ~_missing(series, column)).to_numpy(dtype=bool)
        refused = refused if refused.any() else None
    return Coerced(_with_nulls(values, column), refused)


def without_nulls(series: pd.Series, column: ColumnContract) -> pd.Series:
    """Return a column that need not hold nulls with the dtype that cannot."""
    masked = isinstance(series.dtype, pd.api.extensions.ExtensionDtype)
    if column.nullable or column.dtype not in ("int64", "bool") or not masked:
        return series
    return series if series.isna().any() else series.astype(column.dtype)


def _may_refuse(series: pd.Series, column: ColumnContract) -> bool:
    """Whether a conversion could have lost a value: not from numbers to floats, nor of text."""
    if column.dtype in TEXTS:
        return pd.api.types.infer_dtype(series, skipna=True) != "string"
    return not (column.dtype == "float64" and series.dtype.kind in "iuf")


def _missing(series: pd.Series, column: ColumnContract) -> pd.Series:
    missing = series.isna()
    if column.dtype in TEXTS or not _holds_text(series):
        return missing
    return missing | series.map(lambda value: isinstance(value, str) and not value.strip())


def _with_nulls(values: pd.Series, column: ColumnContract) -> pd.Series:
    masked = {"int64": "Int64", "bool": "boolean"}.get(column.dtype)
    if masked is None:
        return values
    if column.nullable:
        return values.astype(masked, copy=False)
    return without_nulls(values, column)


def _holds_text(series: pd.Series) -> bool:
    return series.dtype == object or isinstance(series.dtype, pd.StringDtype)


def _plain(series: pd.Series) -> pd.Series:
    """Return text and mixed values as objects, blank text and NA as None."""
    plain = series.astype(object)
    blank = plain.isna() | plain.map(lambda value: isinstance(value, str) and not value.strip())
    return plain.mask(blank, None) if blank.any() else plain


def _numbers(series: pd.Series) -> pd.Series:
    """Return a column of a number dtype; what is no number, or a boolean, is missing."""
    if series.dtype.kind in "iuf":
        return series
    if series.dtype.kind == "b" or not _holds_text(series):
        return pd.Series(np.nan, index=series.index)
    plain = _plain(series)
    if pd.api.types.infer_dtype(plain, skipna=True) not in ("string", "empty", "integer"):
        plain = plain.map(_number_or_none)
    return pd.to_numeric(plain, errors="coerce", dtype_backend="numpy_nullable")


def _number_or_none(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value)
    number = isinstance(value, int | float | str | np.number) and not isinstance(value, bool)
    return value if number else None


def _int64(series: pd.Series) -> pd.Series:
    if series.dtype == np.int64:
        return series
    numbers = _numbers(series)
    if numbers.dtype.kind == "i":
        return numbers.astype("Int64" if numbers.hasnans else "int64")
    if numbers.dtype.kind == "u":
        return numbers.where(numbers <= np.iinfo(np.int64).max).astype("Int64")
    floats = numbers.to_numpy(dtype=np.float64, na_value=np.nan)
    fits = (floats == np.floor(floats)) & (np.abs(floats) < _INT64)
    whole = np.where(fits, floats, 0).astype(np.int64)
    if fits.all():
        return pd.Series(whole, index=series.index)
    return pd.Series(pd.arrays.IntegerArray(whole, ~fits), index=series.index)


def _float64(series: pd.Series) -> pd.Series:
    if series.dtype == np.float64:
        return series
    numbers = _numbers(series)
    values = numbers.to_numpy(dtype=np.float64, na_value=np.nan)
    return pd.Series(values, index=series.index)


def _bool(series: pd.Series) -> pd.Series:
    if series.dtype == np.bool_:
        return series
    if series.dtype.kind in "biuf":
        values = series.astype("Float64")
        return values.where(values.isin([0, 1])).astype("boolean")
    if not _holds_text(series):
        return pd.Series(pd.NA, index=series.index, dtype="boolean")
    return series.map(_bool_or_none).astype("boolean")


def _bool_or_none(value: object) -> bool | None:
    if isinstance(value, str):
        return _BOOLS.get(value.strip().lower())
    if isinstance(value, bool | np.bool_ | int | float | np.number) and value in (0, 1):
        return bool(value)
    return None


def _text(series: pd.Series) -> pd.Series:
    if series.dtype == object and pd.api.types.infer_dtype(series, skipna=True) == "string":
        return _with_none(series)
    if isinstance(series.dtype, pd.StringDtype):
        return _with_none(series.astype(object))
    if series.dtype.kind in "iufb" or series.dtype.kind == "M":
        codes, values = pd.factorize(series)
        texts = np.array([*map(_text_or_none, values), None], dtype=object)
        return pd.Series(texts[codes], index=series.index)
    return _with_none(series.astype(object).map(_text_or_none, na_action="ignore"))


def _with_none(series: pd.Series) -> pd.Series:
    """Return missing text as None alone; NaN among text is another missing to many readers."""
    missing = series.isna().to_numpy()
    values = series.to_numpy(dtype=object)
    if all(value is None for value in values[missing]):
        return series
    values = values.copy()
    values[missing] = None
    return pd.Series(values, index=series.index)


def text_of(value: object) -> str | None:
    """Return the text that one value becomes in a string or category column; None if refused.

    >>> text_of(3.0), text_of(True), text_of("a")
    ('3', 'true', 'a')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, int | float | Decimal | np.number):
        return str(value)
    return None


_text_or_none = text_of


def _datetime(series: pd.Series) -> pd.Series:
    if series.dtype.kind == "M":
        zone = getattr(series.dtype, "tz", None)
        return _nanoseconds(series if zone is None else series.dt.tz_convert("UTC"))
    if not _holds_text(series):
        return pd.Series(pd.NaT, index=series.index, dtype="datetime64[ns]")
    plain = _plain(series)
    plain = plain.where(plain.map(lambda value: isinstance(value, str | date)), None)
    moments = pd.to_datetime(plain, format="ISO8601", errors="coerce", utc=True)
    aware = plain.map(_is_aware).any()
    return _nanoseconds(moments if aware else moments.dt.tz_localize(None))


def _nanoseconds(moments: pd.Series) -> pd.Series:
    """Return moments in nanoseconds; those before 1678 and after 2261 are missing."""
    if moments.dt.unit == "ns":
        return moments
    zone = getattr(moments.dtype, "tz", None)
    first, last = (pd.Timestamp(year, 1, 1, tz=zone) for year in (1678, 2262))
    return moments.where((moments >= first) & (moments < last)).dt.as_unit("ns")


def _is_aware(value: object) -> bool:
    if isinstance(value, str):
        return _OFFSET.search(value) is not None
    return isinstance(value, datetime) and value.tzinfo is not None


_COERCIONS: dict[str, Callable[[pd.Series], pd.Series]] = {
    "int64": _int64,
    "float64": _float64,
    "bool": _bool,
    "string": _text,
    "category": _text,
    "datetime": _datetime,
}
