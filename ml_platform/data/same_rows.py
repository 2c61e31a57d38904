"""Which rows of a frame are rows of another, too."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def rows_in(rows: pd.DataFrame, others: pd.DataFrame, *, key: str | None) -> NDArray[np.bool_]:
    """Return for each of the rows (n,) whether it is among the others.

    key: the column that names a row; without it, or where one of them lacks it, a row is known by
    all columns that both have, so that rows which are equal in all of them count as one. Where
    they have no column in common, no row is known.
    """
    common = [c for c in rows.columns if c in others.columns]
    if not common:
        return np.zeros(len(rows), dtype=np.bool_)
    if key in common:
        kind = _kind(rows[key], others[key])
        return _plain(rows[key], kind).isin(_plain(others[key], kind)).to_numpy(np.bool_)
    kinds = {name: _kind(rows[name], others[name]) for name in common}
    return pd.Index(_hashed(rows, kinds)).isin(_hashed(others, kinds))


def _hashed(frame: pd.DataFrame, kinds: dict[str, str]) -> NDArray[np.uint64]:
    """Hashes (n,) of the values of each row."""
    plain = pd.DataFrame({name: _plain(frame[name], kind) for name, kind in kinds.items()})
    return pd.util.hash_pandas_object(plain, index=False).to_numpy(dtype=np.uint64)


def _kind(*columns: pd.Series) -> str:
    """What values are compared as, whatever holds them: int64, Int64 or float64, text or object."""
    api = pd.api.types
    if all(map(api.is_datetime64_any_dtype, columns)):
        return "time"
    if all(map(api.is_numeric_dtype, columns)) and any(map(api.is_float_dtype, columns)):
        return "float64"
    return "text"


def _plain(column: pd.Series, kind: str) -> pd.Series:
    if kind == "time":
        return column
    return column.astype("float64") if kind == "float64" else column.astype("string").astype(object)
