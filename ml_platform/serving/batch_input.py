"""Rows of a file or a table, a chunk at a time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml_platform.data.contract import ColumnContract
from ml_platform.exceptions import SourceError

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK_ROWS = 10_000
KINDS = "a .parquet or .csv file, a folder of Parquet files, or a Delta table"


@dataclass(frozen=True, eq=False)
class BatchInput:
    """An opened input.

    rows: how many there are; None where only reading tells.
    text: whether every value is text, as in CSV.
    """

    path: Path
    schema: "pa.Schema"
    rows: int | None
    text: bool
    _batches: Iterator["pa.RecordBatch"]

    def chunks(self) -> Iterator["pa.Table"]:
        """Give the rows in their order, at most CHUNK_ROWS at a time. Raises SourceError."""
        import pyarrow as pa

        try:
            for batch in self._batches:
                for start in range(0, batch.num_rows, CHUNK_ROWS):
                    yield pa.Table.from_batches([batch.slice(start, CHUNK_ROWS)])
        except (pa.ArrowException, OSError) as error:
            raise SourceError(f"cannot read {self.path}: {_sentence(error)}") from error


def open_input(path: Path) -> BatchInput:
    """Open a file or a table. Raises SourceError when it is none that can be read."""
    import pyarrow as pa

    if not path.exists():
        raise SourceError(f"there is no {path} (valid: {KINDS})")
    try:
        if (path / "_delta_log").is_dir():
            return _delta(path)
        if path.suffix == ".csv":
            return _csv(path)
        if path.is_dir() or path.suffix in (".parquet", ".pq"):
            return _parquet(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise SourceError(f"cannot read {path}: {_sentence(error)}") from error
    raise SourceError(f"{path} is of no known kind (valid: {KINDS})")


def parsed(text: str | None, column: ColumnContract) -> object:
    """Return what a field of a CSV means; text that means nothing stays text, and is refused."""
    if text is None or text == "":
        return None
    try:
        match column.dtype:
            case "int64":
                return int(text)
            case "float64":
                return float(text)
            case "bool":
                return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
            case _:
                return text
    except (ValueError, KeyError):
        return text


def records_of(
    chunk: "pa.Table", columns: Mapping[str, ColumnContract], *, text: bool
) -> list[dict[str, Any]]:
    """Return the rows of a chunk as a client would send them, with these columns only."""
    from ml_platform.serving.client_records import client_records

    known = [name for name in chunk.column_names if name in columns]
    if not text:
        return client_records(chunk.select(known).to_pandas(), known)
    fields = [
        [parsed(value, columns[name]) for value in chunk.column(name).to_pylist()] for name in known
    ]
    rows = zip(*fields, strict=True) if known else ((),) * chunk.num_rows
    return [dict(zip(known, row, strict=True)) for row in rows]


def _parquet(path: Path) -> BatchInput:
    from pyarrow import dataset

    found = dataset.dataset(path, format="parquet")
    return _of_dataset(path, found)


def _delta(path: Path) -> BatchInput:
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        return _of_dataset(path, DeltaTable(path).to_pyarrow_dataset())
    except DeltaError as error:
        raise SourceError(f"cannot read the Delta table {path}: {_sentence(error)}") from error


def _of_dataset(path: Path, found: Any) -> BatchInput:
    batches = found.to_batches(batch_size=CHUNK_ROWS, batch_readahead=2, fragment_readahead=1)
    return BatchInput(path, found.schema, found.count_rows(), text=False, _batches=iter(batches))


def _csv(path: Path) -> BatchInput:
    import pyarrow as pa
    from pyarrow import csv

    with csv.open_csv(path) as peek:  # its types are guesses; only the names count
        names = peek.schema.names
    types = {name: pa.string() for name in names}
    options = csv.ConvertOptions(column_types=types, strings_can_be_null=True, null_values=[""])
    reader = csv.open_csv(path, convert_options=options)
    return BatchInput(path, reader.schema, None, text=True, _batches=iter(reader))


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
