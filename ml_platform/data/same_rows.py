"""Which rows of a frame are rows of another, too."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def rows_in(rows: pd.DataFrame, others: pd.DataFrame, *, key: str | None) -> NDArray[np.bool_]:
    """Return for each of the rows (n,) whether it is among the others.

    key: the column that names a row; without it a row is known by all columns that both have,
    so that rows which are equal in all of them count as one. A key that one of them lacks
    matches nothing.
    """
    common = [key] if key is not None else [c for c in rows.columns if c in others.columns]
    if not common or any(c not in f.columns for c in common for f in (rows, others)):
        return np.zeros(len(rows), dtype=np.bool_)
    if key is not None:
        return _plain(rows[key]).isin(_plain(others[key])).to_numpy(np.bool_)
    return pd.Index(_hashed(rows[common])).isin(_hashed(others[common]))


def _hashed(frame: pd.DataFrame) -> NDArray[np.uint64]:
    """Hashes (n,) of the values of each row."""
    plain = pd.DataFrame({name: _plain(column) for name, column in frame.items()})
    return pd.util.hash_pandas_object(plain, index=False).to_numpy(dtype=np.uint64)


def _plain(column: pd.Series) -> pd.Series:
    """The values, whatever dtype holds them: int64 or Int64, string or object."""
    if pd.api.types.is_float_dtype(column):
        return column.astype("float64")
    if pd.api.types.is_datetime64_any_dtype(column):
        return column
    return column.astype("string").astype(object)
