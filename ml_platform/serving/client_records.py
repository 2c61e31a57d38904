"""Rows of a frame as the records that a client would send."""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd


def client_records(frame: pd.DataFrame, columns: Sequence[str]) -> list[dict[str, Any]]:
    """Return a JSON-ready record of `columns` for each row, in their order.

    Missing values are null, times ISO 8601; floats keep every bit.
    """
    values = [[_plain(value) for value in frame[name].array] for name in columns]
    return [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]


def _plain(value: Any) -> Any:
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and math.isnan(value):
        return None
    return value
