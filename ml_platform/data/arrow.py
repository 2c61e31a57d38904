"""Frames as Arrow columns and back, and the content hash that both sides share.

Arrow and Delta know fewer types than pandas, so each column is stored in a type that every
reader of Delta knows, and its pandas dtype is kept beside it: integers of any width as int64,
datetimes as UTC microseconds (naive ones as if they were UTC), or as int64 nanoseconds where a
value needs them, categories as their values, text as text. An object column of mixed types, which
raw data may well hold, is stored as JSON, each value by itself; dates in it come back as ISO text.
"""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.exceptions import StoreError
from ml_platform.plugins import Strict

ROWS_AT_ONCE = 1 << 20
_THREADS = 4
_LOOKED_AT = 1000
"""Texts at the head of a column that tell whether its texts repeat."""


class ColumnLayout(Strict):
    """How one column is stored.

    name: in the frame. stored: in the table; differs where two names differ by case alone,
    which Delta takes for one. dtype: of pandas. digest: SHA-256 of the values. mixed: each value
    is JSON.
    """

    name: str
    stored: str
    dtype: str
    digest: str
    mixed: bool = False


def to_arrow(frame: pd.DataFrame) -> tuple[pa.Table, tuple[ColumnLayout, ...]]:
    """Return the columns of `frame` as an Arrow table, and how they got there.

    Raises StoreError for columns that no table can hold: two of one name, names that are not
    text, values of mixed types.
    """
    names = [str(name) for name in frame.columns]
    if len(set(names)) < len(names) or any(not isinstance(n, str) for n in frame.columns):
        raise StoreError(f"column names must be text and differ, found {list(frame.columns)}")
    if not names:
        raise StoreError("a frame without columns is no table")
    stored = list(_stored_names(names))
    with ThreadPoolExecutor(_THREADS) as pool:
        arrays, mixed = zip(
            *pool.map(_column_to_arrow, (frame[name] for name in names)), strict=True
        )
        digests = list(pool.map(digest, arrays))
    dtypes = [str(dtype) for dtype in frame.dtypes]
    layout = tuple(
        ColumnLayout(name=name, stored=store, dtype=dtype, digest=values, mixed=is_json)
        for name, store, dtype, values, is_json in zip(
            names, stored, dtypes, digests, mixed, strict=True
        )
    )
    return pa.table(list(arrays), names=stored), layout


def from_arrow(table: pa.Table, layout: Sequence[ColumnLayout], *, where: str) -> pd.DataFrame:
    """Return the frame that `to_arrow` was given; `where` names the table in errors.

    Raises StoreError when values are not those that were written.
    """
    columns: dict[str, pd.Series] = {}
    with ThreadPoolExecutor(_THREADS) as pool:
        digests = pool.map(digest, (table.column(column.stored) for column in layout))
        for column, found in zip(layout, digests, strict=True):
            if found != column.digest:
                raise StoreError(
                    f"column {column.name!r} of {where} is damaged: its values have the hash "
                    f"{found[:12]}, written were {column.digest[:12]}"
                )
            values = table.column(column.stored)
            columns[column.name] = (
                values.to_pandas().map(json.loads, na_action="ignore")
                if column.mixed
                else _column_from_arrow(values, column.dtype)
            )
    return pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows), copy=False)


def content_hash(layout: Sequence[ColumnLayout], *, rows: int) -> str:
    """SHA-256 over names, dtypes, values and their order; the same for the same frame."""
    total = sha256(str(rows).encode())
    for column in layout:
        for part in (column.name, column.dtype, column.digest):
            total.update(b"\0" + part.encode())
    return total.hexdigest()


def digest(array: pa.ChunkedArray) -> str:
    """SHA-256 of the values of a column, whatever chunks they lie in; nulls are all alike."""
    total = sha256(str(array.type).replace("large_string", "string").encode())
    for start in range(0, len(array), ROWS_AT_ONCE):
        for part in _parts(array.slice(start, ROWS_AT_ONCE)):
            total.update(part)
    return total.hexdigest()


def _parts(piece: pa.ChunkedArray) -> Iterator[bytes | memoryview]:
    """Yield validity, then lengths where they vary, then the values of a piece."""
    if piece.null_count:
        yield np.packbits(piece.is_valid().to_numpy()).data
    if pa.types.is_large_string(piece.type) or pa.types.is_string(piece.type):
        filled = piece.fill_null("") if piece.null_count else piece
        yield np.ascontiguousarray(pc.binary_length(filled).to_numpy(), dtype=np.int64).data
        for chunk in filled.cast(pa.large_string()).chunks:
            yield _text_bytes(chunk)
    elif pa.types.is_primitive(piece.type):
        yield np.ascontiguousarray(_numbers(piece)).view(np.uint8).data
    else:
        yield repr(piece.to_pylist()).encode()


def _text_bytes(chunk: pa.Array) -> memoryview:
    _, offsets, data = chunk.buffers()
    if data is None or not len(chunk):
        return memoryview(b"")
    ends = np.frombuffer(offsets, dtype=np.int64)
    return memoryview(data)[ends[chunk.offset] : ends[chunk.offset + len(chunk)]]


def _numbers(values: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.uint8())
    elif pa.types.is_temporal(values.type):
        values = values.cast(pa.int32() if pa.types.is_date32(values.type) else pa.int64())
    numbers = (values.fill_null(0) if values.null_count else values).to_numpy()
    if numbers.dtype.kind == "f" and np.isnan(numbers).any():
        return np.where(np.isnan(numbers), numbers.dtype.type("nan"), numbers)
    return numbers


def _stored_names(names: Sequence[str]) -> Iterator[str]:
    taken: set[str] = set()
    for name in names:
        stored, number = name, 2
        while stored.lower() in taken:
            stored, number = f"{name}__{number}", number + 1
        taken.add(stored.lower())
        yield stored


def _column_to_arrow(series: pd.Series) -> tuple[pa.ChunkedArray, bool]:
    """Return the column, and whether each value had to become JSON."""
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        series = series.astype(dtype.categories.dtype)
    try:
        return _chunked(_array(series)), False
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        reason = " ".join(str(error).split())[:200]
        refusal = StoreError(f"column {series.name!r} (dtype {dtype}) cannot be stored: {reason}")
    if dtype.kind != "O":
        raise refusal
    try:
        return _chunked(_array(series.map(_json_text, na_action="ignore"))), True
    except (TypeError, ValueError) as error:
        raise refusal from error


def _chunked(array: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])


def _json_text(value: object) -> str:
    return json.dumps(value, default=_plain_value, ensure_ascii=False)


def _plain_value(value: Any) -> object:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"a {type(value).__name__} has no place in a table")


def _array(series: pd.Series) -> pa.Array | pa.ChunkedArray:
    kind = pd.api.types.infer_dtype(series, skipna=True)
    if kind in ("string", "empty"):
        return pa.array(series, type=pa.large_string(), from_pandas=True)
    array = pa.array(series, from_pandas=True)
    if pa.types.is_integer(array.type) or pa.types.is_duration(array.type):
        return array.cast(pa.int64())
    if pa.types.is_timestamp(array.type):
        return _timestamps(array)
    return array.cast(pa.float32()) if pa.types.is_float16(array.type) else array


def _timestamps(array: pa.Array) -> pa.Array:
    try:
        return array.cast(pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))
    except pa.ArrowInvalid:
        return array.cast(pa.int64())


def _column_from_arrow(array: pa.ChunkedArray, name: str) -> pd.Series:
    dtype: Any = pd.api.types.pandas_dtype(name)
    if isinstance(dtype, pd.DatetimeTZDtype) or dtype.kind == "M":
        return _datetimes(array, dtype)
    if dtype.kind == "m":
        return array.cast(pa.duration(np.datetime_data(dtype)[0])).to_pandas().astype(dtype)
    if isinstance(dtype, pd.CategoricalDtype):
        return array.to_pandas().astype(dtype)
    if isinstance(dtype, pd.api.extensions.ExtensionDtype):
        return pd.Series(dtype.__from_arrow__(array))  # pyright: ignore[reportAttributeAccessIssue]
    series = array.to_pandas(
        integer_object_nulls=bool(dtype.kind == "O"), deduplicate_objects=_repeats(array)
    )
    return series.astype(dtype, copy=False)


def _repeats(array: pa.ChunkedArray) -> bool:
    """Whether to look for equal texts: for nothing, as among ids, it takes most of the time."""
    head = array.slice(0, _LOOKED_AT)
    return not pa.types.is_large_string(array.type) or len(head.unique()) < len(head)


def _datetimes(array: pa.ChunkedArray, dtype: Any) -> pd.Series:
    zone = getattr(dtype, "tz", None)
    unit = dtype.unit if zone is not None else np.datetime_data(dtype)[0]
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.timestamp("us"))
    moments = array.cast(pa.timestamp(unit)).to_pandas().astype(f"datetime64[{unit}]")
    return moments if zone is None else moments.dt.tz_localize("UTC").dt.tz_convert(zone)
