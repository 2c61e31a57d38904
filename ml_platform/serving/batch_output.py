"""Scored rows to a file or a table, whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from ml_platform.exceptions import StoreError

if TYPE_CHECKING:
    import pyarrow as pa


def require_free(path: Path, *, overwrite: bool) -> None:
    """Raise StoreError when something lies at `path` that must not be, or cannot be, replaced."""
    if not path.parent.is_dir():
        raise StoreError(f"there is no folder {path.parent} for the output")
    if not path.exists():
        return
    if not overwrite:
        raise StoreError(f"{path} exists already; name another output, or pass --overwrite")
    delta = (path / "_delta_log").is_dir()
    if path.is_dir() and (not delta or _is_file(path)):
        raise StoreError(f"{path} is a folder and no Delta table; name another output")
    if not path.is_dir() and not _is_file(path):
        raise StoreError(f"{path} is a file; a Delta table is a folder: name another output")


def write_whole(path: Path, schema: "pa.Schema", chunks: Iterator["pa.Table"]) -> None:
    """Write the chunks as they come; they appear at `path` together, at the end.

    A name in .parquet or .csv is a file, its rows in their order; any other is a Delta table, of
    which this is one commit, and which keeps no order.
    What `chunks` raises passes through, and leaves what was there. Raises StoreError.
    """
    import pyarrow as pa

    scratch = Path(mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        if _is_file(path):
            partial = scratch / path.name
            _write_file(partial, schema, chunks)
            partial.replace(path)
        else:
            _write_delta(path, schema, chunks)
    except (pa.ArrowException, OSError) as error:
        raise StoreError(f"cannot write {path}: {' '.join(str(error).split())[:300]}") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _is_file(path: Path) -> bool:
    return path.suffix in (".parquet", ".pq", ".csv")


def _write_file(partial: Path, schema: "pa.Schema", chunks: Iterator["pa.Table"]) -> None:
    from pyarrow import csv, parquet

    writer: Any = csv.CSVWriter if partial.suffix == ".csv" else parquet.ParquetWriter
    with partial.open("wb") as stream:
        with writer(stream, schema) as opened:
            for chunk in chunks:
                opened.write_table(chunk)
        stream.flush()
        os.fsync(stream.fileno())


def _write_delta(path: Path, schema: "pa.Schema", chunks: Iterator["pa.Table"]) -> None:
    import pyarrow as pa
    from deltalake import write_deltalake
    from deltalake.exceptions import DeltaError

    failed: list[BaseException] = []

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            for chunk in chunks:
                yield from chunk.to_batches()
        except BaseException as error:  # it comes back through Rust as another one
            failed.append(error)
            raise

    reader = pa.RecordBatchReader.from_batches(schema, batches())
    try:
        write_deltalake(path, reader, mode="overwrite", schema_mode="overwrite")
    except (DeltaError, OSError, ValueError, pa.ArrowException) as error:
        if failed:
            raise failed[0] from error
        raise StoreError(f"cannot write the Delta table {path}: {error}") from error
