"""Records of the journal as columns: a fast way for what is regular, a patient one for the rest."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.feedback.inference_table import COLUMNS, MOMENT

_ROWS_AT_ONCE = 50_000
_LEAST_BLOCK = 1 << 20
_PLAIN = {
    "id": pa.string(),
    "sent": pa.bool_(),
    "key": pa.string(),
    "at": pa.float64(),
    "score": pa.float64(),
    "scores": pa.list_(pa.float64()),
    "version": pa.int64(),
    "role": pa.string(),
    "latency_us": pa.int64(),
    "request_id": pa.string(),
    "random": pa.bool_(),
}
_NEEDED = ("id", "at", "version", "role")


class Rows(NamedTuple):
    """Predictions as columns.

    table: the columns of the inference table. sent: which ids clients made.
    unreadable: records that are no prediction, as they were. unfit: records with a feature that
    is not of its column's type; they are in the table, without that feature.
    """

    table: pa.Table
    sent: pa.ChunkedArray
    unreadable: tuple[bytes, ...]
    unfit: tuple[bytes, ...]


def prediction_rows(
    records: Sequence[bytes], features: Mapping[str, pa.Field], *, segments: pa.Array
) -> Rows:
    """Return prediction records as columns.

    features: the table's column for each field of `features` in a record; others are left out.
    segments: `(records,)`, where each record came from. Arrow reads JSON without the lock of the
    interpreter, so that as many parts are read at once as there are cores.
    """

    def read(at: int) -> Rows:
        some, origin = records[at : at + _ROWS_AT_ONCE], segments.slice(at, _ROWS_AT_ONCE)
        return _fast(some, features, origin) or _patient(some, features, origin)

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        parts = list(pool.map(read, range(0, max(len(records), 1), _ROWS_AT_ONCE)))
    return Rows(
        pa.concat_tables([part.table for part in parts]),
        pa.chunked_array([chunk for part in parts for chunk in part.sent.chunks], pa.bool_()),
        tuple(record for part in parts for record in part.unreadable),
        tuple(record for part in parts for record in part.unfit),
    )


def _fast(
    records: Sequence[bytes], features: Mapping[str, pa.Field], segments: pa.Array
) -> Rows | None:
    """Let Arrow read the JSON; None where a single record is not as regular as that needs."""
    from pyarrow import json

    if not records:
        return None
    try:
        first = orjson.loads(records[0])
        answer = _type_of(first.get("prediction"))
        read = {
            name: pa.string() if field.type == MOMENT else field.type
            for name, field in features.items()
        }
        fields = {**_PLAIN, "prediction": answer, "features": pa.struct(list(read.items()))}
        longest = max(map(len, records))
        found = json.read_json(
            pa.BufferReader(b"\n".join(records)),
            read_options=json.ReadOptions(
                use_threads=False, block_size=max(_LEAST_BLOCK, 4 * longest)
            ),
            parse_options=json.ParseOptions(
                explicit_schema=pa.schema(list(fields.items())),
                unexpected_field_behavior="ignore",
            ),
        )
        if found.num_rows != len(records) or any(found[name].null_count for name in _NEEDED):
            return None
        columns = _columns(found, features, segments)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError, AttributeError):
        return None
    return Rows(columns, found["sent"].fill_null(False), (), ())


def _columns(found: pa.Table, features: Mapping[str, pa.Field], segments: pa.Array) -> pa.Table:
    named = {
        "prediction_id": found["id"],
        "time": _moments_of_seconds(found["at"]),
        "prediction": _as_json(found["prediction"]),
        "segment": pa.chunked_array([segments]),
        **{name: found[name] for name in COLUMNS.names if name in _PLAIN},
    }
    columns = {name: named[name] for name in COLUMNS.names}
    whole = found["features"]
    for name, field in features.items():
        values = pc.struct_field(whole, name)
        columns[field.name] = _moments_of_texts(values) if field.type == MOMENT else values
    return pa.table(columns)


def _type_of(prediction: Any) -> pa.DataType:
    types: dict[type, pa.DataType] = {bool: pa.bool_(), int: pa.int64(), float: pa.float64()}
    return types.get(type(prediction), pa.string())


def _as_json(values: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_string(values.type):
        return pc.cast(values, pa.string())
    different = values.combine_chunks().dictionary_encode()
    texts = [None if text is None else _dumped(text) for text in different.dictionary.to_pylist()]
    coded = pa.DictionaryArray.from_arrays(different.indices, pa.array(texts, pa.string()))
    return pa.chunked_array([coded.cast(pa.string())])


def _dumped(value: Any) -> str:
    return orjson.dumps(value).decode()


def _moments_of_seconds(seconds: pa.ChunkedArray) -> pa.ChunkedArray:
    micros = pc.round(pc.multiply(seconds, 1e6))
    return pc.cast(pc.cast(micros, pa.int64()), MOMENT)


def _moments_of_texts(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Read times as the service writes them; raises ArrowInvalid for any other text."""
    return pc.cast(pc.cast(texts, pa.timestamp("us")), MOMENT)


def _patient(
    records: Sequence[bytes], features: Mapping[str, pa.Field], segments: pa.Array
) -> Rows:
    """Read one record after another, and say of each what is wrong with it."""
    rows: list[dict[str, Any]] = []
    sent: list[bool] = []
    unreadable: list[bytes] = []
    unfit: list[bytes] = []
    for record, segment in zip(records, segments.to_pylist(), strict=True):
        read = _read(record)
        if read is None:
            unreadable.append(record)
            continue
        row, given = read
        fitting = dict(_fitting(given, features))
        if len(fitting) < sum(name in given for name in features):
            unfit.append(record)
        rows.append({**row, **fitting, "segment": segment})
        sent.append(row["sent"])
    table = pa.Table.from_pylist(rows, schema=pa.schema([*COLUMNS, *features.values()]))
    return Rows(table, pa.chunked_array([sent], pa.bool_()), tuple(unreadable), tuple(unfit))


def _read(record: bytes) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Return the plain columns and the features of a record; None where it is no prediction."""
    try:
        read = orjson.loads(record)
        scores = read.get("scores")
        row = {
            "prediction_id": _exactly(read["id"], str),
            "key": None if read.get("key") is None else str(read["key"]),
            "time": datetime.fromtimestamp(float(read["at"]), UTC),
            "prediction": _dumped(read.get("prediction")),
            "score": None if read.get("score") is None else float(read["score"]),
            "scores": None if scores is None else [float(score) for score in scores],
            "version": _int64(read["version"]),
            "role": _exactly(read["role"], str),
            "latency_us": _int64(read.get("latency_us") or 0),
            "request_id": str(read.get("request_id") or ""),
            "random": bool(read.get("random")),
            "sent": bool(read.get("sent")),
        }
        return row, _exactly(read.get("features") or {}, dict)
    except (ValueError, TypeError, KeyError, OverflowError, AttributeError, OSError):
        return None


def _fitting(
    given: Mapping[str, Any], features: Mapping[str, pa.Field]
) -> Iterator[tuple[str, Any]]:
    for name, field in features.items():
        if name not in given:
            continue
        try:
            value = given[name]
            yield field.name, None if value is None else _CONVERSIONS[field.type](value)
        except (ValueError, TypeError, OverflowError):
            continue


def _exactly(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def _int64(value: Any) -> int:
    whole = int(value)
    broken = isinstance(value, float) and not value.is_integer()
    if isinstance(value, bool) or broken or not -(2**63) <= whole < 2**63:
        raise ValueError(f"{value!r} is no whole number")
    return whole


def _float(value: Any) -> float:
    if isinstance(value, bool | str):
        raise TypeError(f"{value!r} is no number")
    return float(value)


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(_exactly(value, str))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


_CONVERSIONS: dict[pa.DataType, Callable[[Any], Any]] = {
    pa.int64(): _int64,
    pa.float64(): _float,
    pa.bool_(): lambda value: _exactly(value, bool),
    pa.string(): lambda value: _exactly(value, str),
    MOMENT: _moment,
}
