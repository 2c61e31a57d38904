"""What a single value means as a feature, in a frame and in a record alike."""

import math
import sys
from decimal import Decimal
from typing import Any

import numpy as np

from ml_platform.exceptions import FeatureError

LARGEST = float(np.finfo(np.float32).max)
"""Numbers beyond it are held at it: trees work in float32, and no feature is infinite."""

EXACT = 2**53
"""Whole numbers up to here are floats exactly."""

Category = str | int | float | bool


def number(value: Any, column: str) -> float:
    """Return `value` as a numeric feature; null is NaN.

    Raises FeatureError for anything that is not a number: text is not parsed.
    """
    if _is_null(value):
        return math.nan
    if not isinstance(value, (int, float, np.integer, np.floating, np.bool_, Decimal)):
        found = f"{type(value).__name__} {str(value)[:40]!r}"
        raise FeatureError(f"numeric feature {column!r} holds {found}; valid: numbers and null")
    try:
        result = float(value)
    except OverflowError:
        return LARGEST if value > 0 else -LARGEST
    if math.isnan(result):
        return math.nan
    return max(-LARGEST, min(LARGEST, result))


def token(value: Any) -> str | float | None:
    """Return what identifies a category: text, or a number; None where there is none.

    1, 1.0 and True are one category and "1" is another, because a column of numbers changes its
    type with the rows beside it. Null, infinity, dates and lists are no category.
    """
    if isinstance(value, str):
        return str(value)
    if not isinstance(value, (int, float, np.integer, np.floating, np.bool_, Decimal)):
        return None
    try:
        result = float(value)
    except OverflowError:
        return None
    return result if math.isfinite(result) else None


def readable(value: Any) -> Category:
    """Return a category as JSON and people write it; `token` of it is unchanged."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    exact = float(value)
    return int(exact) if exact.is_integer() and abs(exact) < 2**53 else exact


def _is_null(value: Any) -> bool:
    """Tell None and pandas' nulls; nobody has one of these before pandas is loaded, and whole."""
    pandas = sys.modules.get("pandas")
    nulls = getattr(pandas, "NA", None), getattr(pandas, "NaT", None)
    return value is None or value is nulls[0] or value is nulls[1]
