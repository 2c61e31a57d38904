"""A column of a frame by its name."""

from typing import TYPE_CHECKING

from ml_platform.exceptions import FeatureError

if TYPE_CHECKING:
    import pandas as pd


def column_of(frame: "pd.DataFrame", name: str) -> "pd.Series":
    """Return the one column of that name. Raises FeatureError when there is none, or two."""
    if name not in frame.columns:
        found = ", ".join(map(str, frame.columns)) or "none"
        raise FeatureError(f"{name!r} is not a column; the columns are: {found}")
    column = frame[name]
    if column.ndim != 1:
        raise FeatureError(f"{column.shape[1]} columns are named {name!r}; valid: one")
    return column
