"""DuckDB over the files of Delta tables: joins larger than memory, in UTC, without extensions."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ml_platform.exceptions import StoreError
from ml_platform.feedback.delta_files import DeltaFiles

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MEMORY = "2GB"
"""What DuckDB may take before it spills to disk; the process has some more around it."""

_ROWS_HELD = 30_000
"""How many rows a thread sorts into partitions before it hands them to their files: of more at
once the memory is missed where the join needs it, and the join spills."""

_FEW = 1000


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
        connection.execute("SET parquet_metadata_cache = true")  # a table's files never change
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


def view_in_codes(
    connection: "DuckDBPyConnection", name: str, relation: str, values: Mapping[str, str]
) -> None:
    """Make the view `name` of a relation, with texts of few different values as codes.

    values: what selects all values of a text column, by its name; a column with many of them
    stays as it is. A code takes a byte or two where a text takes sixteen in a join and in what is
    written, and reads as the text.
    """
    coded: list[str] = []
    for column, selected in values.items():
        different = f"FROM ({selected}) AS t(value) WHERE value IS NOT NULL"
        counted = connection.execute(f"SELECT approx_count_distinct(value) {different}").fetchall()
        if 0 < counted[0][0] <= _FEW:
            kind = f"{name}_{column}"
            connection.execute(
                f"CREATE OR REPLACE TYPE {kind} AS ENUM (SELECT DISTINCT value {different})"
            )
            coded.append(f"{column}::{kind} AS {column}")
    replaced = f"REPLACE ({', '.join(coded)})" if coded else ""
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT * {replaced} FROM {relation}")


def quoted(text: str) -> str:
    """The text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
