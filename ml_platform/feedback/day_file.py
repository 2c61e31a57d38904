"""One file of a day, how rows come to theirs, and which days are meant."""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from deltalake.transaction import AddAction

DAY = "day"
ROWS_AT_ONCE = 128 * 1024

_ALL_DIFFERENT = ("prediction_id", "request_id", "key")


def put_day(filesystem: Any, rows: pa.Table, day: date) -> "AddAction":
    """Write rows of a day as a file of the table in `filesystem`; return what a commit says of it.

    Raises OSError, having removed what little came to be.
    """
    import pyarrow.parquet as pq
    from deltalake.transaction import AddAction

    file = f"{DAY}={day.isoformat()}/part-{uuid4()}.parquet"
    filesystem.create_dir(f"{DAY}={day.isoformat()}", recursive=True)
    try:
        with filesystem.open_output_stream(file) as stream:
            pq.write_table(
                rows, stream, row_group_size=ROWS_AT_ONCE, use_dictionary=_repeating(rows)
            )
    except OSError:
        with suppress(OSError):  # it need not fill the disk
            filesystem.delete_file(file)
        raise
    return AddAction(
        path=file,
        size=filesystem.get_file_info(file).size,
        partition_values={DAY: day.isoformat()},
        modification_time=int(time.time() * 1000),
        data_change=True,
        stats=json.dumps({"numRecords": rows.num_rows}),
    )


def by_day(rows: pa.Table, column: str) -> Iterator[tuple[date, pa.Table]]:
    """Divide rows by the UTC date of a column of times."""
    days = pc.cast(pc.cast(rows[column], pa.timestamp("us")), pa.date32())
    different = pc.unique(days).to_pylist()
    for day in different:
        yield day, rows if len(different) == 1 else rows.filter(pc.equal(days, day))


def day_of(file: str) -> str:
    """The day of a file of the table, by its path."""
    return file.partition(f"{DAY}=")[2].partition("/")[0]


def days_between(
    first: date | None, last: date | None, *, also: pc.Expression | None = None
) -> pc.Expression | None:
    """The condition of lying in days from `first` to `last`; None for all there are."""
    day = pc.field(DAY)
    parts = [also] if also is not None else []
    parts += [day >= pa.scalar(first)] if first is not None else []
    parts += [day <= pa.scalar(last)] if last is not None else []
    whole: pc.Expression | None = None
    for part in parts:
        whole = part if whole is None else whole & part
    return whole


def is_day(folder: str, *, before: date) -> bool:
    """Tell whether a folder of the table is that of a day before this one."""
    name, _, day = folder.partition("=")
    return name == DAY and date.fromisoformat(day) < before


def _repeating(rows: pa.Table) -> list[str]:
    """Text columns but for those whose every value is another."""
    texts = [field.name for field in rows.schema if pa.types.is_string(field.type)]
    return [name for name in texts if name not in _ALL_DIFFERENT]
