"""Label files of others: CSV, Parquet or a Delta table, read a part at a time."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.data.sources.location import locate, reading
from ml_platform.exceptions import SourceError
from ml_platform.feedback.labels_received import COLUMNS

if TYPE_CHECKING:
    from deltalake import DeltaTable

ROWS_AT_ONCE = 1_000_000
_BLOCK = 1 << 24

SUFFIXES = (".csv", ".csv.gz", ".tsv", ".parquet", ".pq")
PREDICTION_ID, KEY, LABEL = "prediction_id", "key", "label"


@dataclass(frozen=True)
class Reading:
    """How the columns of a file are understood.

    target: the column that holds the label where none is called `label`.
    key: the column that holds the declared id, where there is one; `key` else.
    source: who gave the labels, where no column says it.
    received_at: when they came. hide: what a declared id is stored as.
    """

    target: str
    key: str | None
    source: str
    received_at: datetime
    hide: Callable[[str | None], str | None] | None = None


class LabelFile:
    """A file, folder or URL of labels. Raises SourceError when there is none that can be read."""

    def __init__(self, path: str, *, folder: Path) -> None:
        self.path = locate(path, folder=folder)
        self._delta = self._open_delta()
        if self._delta is None and not self.path.lower().endswith(SUFFIXES):
            valid = ", ".join(SUFFIXES)
            raise SourceError(f"{self.path} is no label file (valid: {valid}, a Delta table)")

    def content(self) -> str:
        """SHA-256 of the bytes; of a Delta table its id and version."""
        if self._delta is not None:
            return f"{self._delta.metadata().id}@{self._delta.version()}"
        total = hashlib.sha256()
        with reading(self.path), self._bytes() as stream:
            while block := stream.read(_BLOCK):
                total.update(block)
        return total.hexdigest()

    def labels(self, how: Reading) -> Iterator[pa.Table]:
        """Give the labels as the raw table has them, in the order of the file."""
        held: list[pa.Table] = []
        rows = 0
        with reading(self.path):
            for batch in self._batches():
                part = _labels(pa.Table.from_batches([batch]), how, where=self.path, before=rows)
                rows += part.num_rows
                held.append(part)
                if sum(each.num_rows for each in held) >= ROWS_AT_ONCE:
                    yield pa.concat_tables(held)
                    held = []
        if not rows:
            raise SourceError(f"{self.path} has no rows")
        if held:
            yield pa.concat_tables(held)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        import pyarrow.csv
        import pyarrow.parquet as pq

        if self._delta is not None:
            fragments = self._delta.to_pyarrow_dataset().get_fragments()
            for fragment in sorted(fragments, key=lambda each: each.path):
                yield from fragment.to_batches(use_threads=False)
        elif self.path.lower().endswith((".parquet", ".pq")):
            with self._bytes() as stream:
                yield from pq.ParquetFile(stream).iter_batches(ROWS_AT_ONCE)
        else:
            separator = "\t" if self.path.lower().endswith(".tsv") else ","
            parse = pyarrow.csv.ParseOptions(delimiter=separator)
            with self._bytes() as stream:
                head = stream.readline().decode("utf-8-sig").rstrip("\r\n")
            columns = pd.read_csv(StringIO(head + "\n"), sep=separator, dtype=str).columns
            convert = pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=True
            )
            options = pyarrow.csv.ReadOptions(block_size=_BLOCK)
            with self._bytes() as stream:
                yield from pyarrow.csv.open_csv(
                    stream, read_options=options, parse_options=parse, convert_options=convert
                )

    @contextmanager
    def _bytes(self) -> Iterator[Any]:
        import fsspec

        with fsspec.open(self.path, "rb", compression="infer") as stream:
            yield stream

    def _open_delta(self) -> "DeltaTable | None":
        from deltalake import DeltaTable

        local = "://" not in self.path
        if local and not (Path(self.path) / "_delta_log").is_dir():
            return None
        if not local and self.path.lower().endswith(SUFFIXES):
            return None
        with reading(self.path):
            return DeltaTable(self.path)


def _labels(batch: pa.Table, how: Reading, *, where: str, before: int) -> pa.Table:
    """A part of the file as the raw table has it. before: rows in front of it."""
    names = batch.column_names
    label = LABEL if LABEL in names else how.target
    key = how.key if how.key in names else KEY
    if label not in names or not {PREDICTION_ID, key} & set(names):
        ids = " or ".join(filter(None, (PREDICTION_ID, how.key, KEY)))
        raise SourceError(
            f"{where} has the columns {', '.join(names)}; needed are {LABEL} or {how.target}, and "
            f"{ids}"
        )
    empty = pa.nulls(batch.num_rows, pa.string())
    keys = _texts(batch[key]) if key in names else empty
    if how.hide is not None:
        keys = pa.array([how.hide(value) for value in keys.to_pylist()], pa.string())
    columns = {
        PREDICTION_ID: _texts(batch[PREDICTION_ID]) if PREDICTION_ID in names else empty,
        KEY: keys,
        LABEL: json_texts(batch[label]),
        "observed_at": _moments(batch, how, where=where, before=before),
        "source": pc.fill_null(_texts(batch["source"]), how.source)
        if "source" in names
        else pa.repeat(how.source, batch.num_rows),
        "received_at": pa.repeat(pa.scalar(how.received_at, _moment()), batch.num_rows),
    }
    return pa.table(columns, schema=COLUMNS)


def json_texts(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Each value as JSON text; text and times once for each that differs."""
    if pa.types.is_boolean(values.type) or pa.types.is_integer(values.type):
        return pc.fill_null(pc.cast(values, pa.string()), "null")
    if pa.types.is_dictionary(values.type):
        values = pc.cast(values, values.type.value_type)
    coded = values.combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    texts = [_json(value) for value in coded.dictionary.to_pylist()]
    found = pc.take(pa.array(texts, pa.string()), coded.indices)
    return pa.chunked_array([pc.fill_null(found, "null")])


def _json(value: Any) -> str:
    if value is None or isinstance(value, (str, int, float, bool)):
        return json.dumps(value, ensure_ascii=False)
    return json.dumps(value.isoformat() if hasattr(value, "isoformat") else str(value))


def _texts(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Ids as text; a blank one is none."""
    texts = pc.cast(values, pa.string())
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)


def _moments(batch: pa.Table, how: Reading, *, where: str, before: int) -> Any:
    """When the outcomes were seen; when they came, where the file does not say."""
    came = pa.scalar(how.received_at, _moment())
    if "observed_at" not in batch.column_names:
        return pa.repeat(came, batch.num_rows)
    given = batch["observed_at"]
    if pa.types.is_timestamp(given.type) or pa.types.is_date(given.type):
        return pc.fill_null(pc.cast(given, _moment(), safe=False), came)
    texts = _texts(given).to_pandas()
    moments = pd.to_datetime(texts, format="ISO8601", utc=True, errors="coerce")
    bad = moments.isna() & texts.notna()
    if bad.any():
        row = int(bad.to_numpy().argmax())
        raise SourceError(
            f"{where}: row {before + row + 1:,}: observed_at is {texts[row]!r}; valid: a time in "
            "ISO 8601, such as 2013-04-01T17:30:00+00:00"
        )
    return pc.fill_null(pa.array(moments.dt.as_unit("us"), type=_moment()), came)


def _moment() -> pa.DataType:
    return pa.timestamp("us", tz="UTC")
