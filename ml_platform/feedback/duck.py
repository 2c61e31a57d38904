"""DuckDB over the files of Delta tables: joins larger than memory, in UTC, without extensions."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ml_platform.exceptions import StoreError
from ml_platform.feedback.delta_files import DeltaFiles

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MEMORY = "2GB"
"""What DuckDB may take before it spills to disk; the process has some more around it."""

_ROWS_HELD = 100_000
"""How many rows a thread sorts into partitions before it hands them to their files: of more at
once the memory is missed where the join needs it, and the join spills."""


@contextmanager
def duckdb_over(folder: Path, *, memory: str = MEMORY) -> "Iterator[DuckDBPyConnection]":
    """A connection that spills below `folder`; what it raises becomes a StoreError."""
    import duckdb

    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory,
        "temp_directory": str(folder),
        "preserve_insertion_order": "false",
        "partitioned_write_flush_threshold": _ROWS_HELD,
        "autoinstall_known_extensions": "false",
    }
    with duckdb.connect(config=settings) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        try:
            yield connection
        except duckdb.Error as error:
            reason = " ".join(str(error).split())[:500]
            raise StoreError(f"feedback cannot be joined: {reason}") from error


def scan(
    connection: "DuckDBPyConnection",
    name: str,
    where: DeltaFiles,
    files: Sequence[str],
    *,
    by_name: bool = False,
) -> None:
    """Make the view `name` of files of a table, of which there is at least one.

    by_name: whether some files may lack columns that others have.

    The partition column of a Delta table stands in no file, so the view has it not.
    """
    if where.local:
        listed = ", ".join(quoted(path) for path in where.paths(files))
        union = ", union_by_name = true" if by_name else ""
        source = f"read_parquet([{listed}], hive_partitioning = false{union})"
    else:
        import pyarrow.dataset as ds

        source = f"{name}_files"
        connection.register(
            source, ds.dataset(list(files), format="parquet", filesystem=where.filesystem())
        )
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT * FROM {source}")


def quoted(text: str) -> str:
    """The text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
