"""Every prediction that was answered, as a Delta table of one partition a day.

| column | type | meaning |
| --- | --- | --- |
| prediction_id | string | as the answer named it |
| key | string | what assigned the version; the declared id, where there is one |
| time | timestamp, UTC | when it was answered |
| prediction | string | the answer, as JSON |
| score | double | probability of the positive class, value, or highest probability |
| scores | list of double | one probability a class, where there are several |
| version | long | of the model |
| role | string | champion, candidate or shadow |
| latency_us | long | microseconds from the request's first byte on; of a shadow, of its scoring |
| request_id | string | as the client or a proxy named the request |
| random | boolean | whether the decision was to be made at random, to explore |
| segment | string | the worker and segment of the journal it came by |
| feature_<column> | as in the contract | what was asked; hashed where the column is sensitive |
| day | date | the partition: the date of `time` |
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.data.contract import Contract, Dtype
from ml_platform.feedback.day_table import DayTable, Looked, today_utc
from ml_platform.feedback.open_days import OpenDays

NAME = "inference_log"
FEATURE = "feature_"
DUPLICATE_WINDOW = timedelta(days=3)
"""How many days before its own a prediction id that a client made is looked for."""

SHADOW = "shadow"
Identity = tuple[str, int | None]

MOMENT = pa.timestamp("us", tz="UTC")
COLUMNS = pa.schema(
    [
        ("prediction_id", pa.string()),
        ("key", pa.string()),
        ("time", MOMENT),
        ("prediction", pa.string()),
        ("score", pa.float64()),
        ("scores", pa.list_(pa.float64())),
        ("version", pa.int64()),
        ("role", pa.string()),
        ("latency_us", pa.int64()),
        ("request_id", pa.string()),
        ("random", pa.bool_()),
        ("segment", pa.string()),
    ]
)
_TYPES: dict[Dtype, pa.DataType] = {
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "string": pa.string(),
    "category": pa.string(),
    "datetime": MOMENT,
}


class InferenceTable:
    """The predictions of a model, under `data_url`, a local path or URL of an object store.

    Raises StoreError, in one sentence, when the store is away, full or damaged.
    """

    def __init__(
        self, data_url: str, model: str, *, storage_options: dict[str, str] | None = None
    ) -> None:
        self.name = f"{model}/{NAME}"
        self._table = DayTable(
            f"{data_url.rstrip('/')}/{self.name}",
            schema=COLUMNS,
            time="time",
            storage_options=storage_options,
        )
        self.url = self._table.url

    def look(self) -> Looked:
        """Return version and columns, for `append`."""
        return self._table.look()

    def taken(self, streams: Sequence[str]) -> dict[str, int]:
        """Return how far each segment was taken, in bytes; 0 for one that never was."""
        return self._table.taken(streams)

    def append(self, rows: pa.Table, streams: Mapping[str, int], *, looked: Looked) -> bool:
        """Add rows and say that segments are taken up to here; exactly once.

        Returns False, having changed nothing, when somebody else was first; look again then.
        """
        return self._table.append(rows, streams, looked=looked)

    def read(
        self,
        *,
        first: date | None = None,
        last: date | None = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """Return predictions of the days from `first` to `last`, both inclusive."""
        return self._table.read(first=first, last=last, columns=columns)

    def opened(self, *, first: date, last: date) -> OpenDays:
        """Open the days from `first` to `last`, both inclusive, for several reads."""
        return self._table.opened(first=first, last=last)

    def known(self, ids: pa.Array, *, first: date, last: date) -> set[Identity]:
        """Return which predictions with one of `ids` were logged from `first` to `last`.

        The days are streamed, in bounded memory.
        """
        found: set[Identity] = set()
        columns = ["prediction_id", "role", "version"]
        for batch in self._table.batches(first=first, last=last, columns=columns):
            logged = batch.filter(pc.is_in(batch.column("prediction_id"), value_set=ids))
            found.update(identity(*row.values()) for row in logged.to_pylist())
        return found

    def find(self, prediction_id: str) -> dict[str, Any] | None:
        """Return the prediction that was answered under an id; None if there is none.

        The newest days are looked at first.
        """
        answered = (pc.field("prediction_id") == prediction_id) & (pc.field("role") != SHADOW)
        for day in self.days():
            rows = self._table.read(first=day, last=day, where=answered)
            if rows.num_rows:
                return rows.slice(0, 1).to_pylist()[0]
        return None

    def days(self) -> Iterator[date]:
        """Give the days that there are, newest first."""
        yield from reversed(list(self._table.files_of_days()))

    def compact(self, *, now: datetime) -> list[date]:
        """Join the small files of days that have many; return those days."""
        return self._table.compact(today=today_utc(now))

    def retain(self, days: int, *, now: datetime) -> int:
        """Keep this many days; return how many were forgotten."""
        return self._table.retain(since=_first_kept(days, now=now))

    def outlived(self, days: int, *, now: datetime) -> bool:
        """Tell whether files of days that are not to be kept lie there; names are listed only."""
        return self._table.has_files(before=_first_kept(days, now=now))

    def clear(self, days: int, *, now: datetime) -> None:
        """Delete the files of days that were forgotten a day ago or longer."""
        self._table.clear(before=_first_kept(days, now=now))


def _first_kept(days: int, *, now: datetime) -> date:
    return today_utc(now) - timedelta(days=days - 1)


def identity(prediction_id: str, role: str, version: int) -> Identity:
    """What makes two rows the same: the id; a shadow's has that of the answer it went along."""
    return (prediction_id, version if role == SHADOW else None)


def feature_fields(
    contract: Contract, *, target: str, sensitive: str, known: pa.Schema = COLUMNS
) -> dict[str, pa.Field]:
    """Return the column of the table for each column of the contract that is logged.

    sensitive: `keep`, `hash` (a text) or `drop` (no column).
    known: the table as it is. A column whose dtype has changed since goes into a column of its
    own, `feature_<column>_<dtype>`: what was logged before stays what it was.
    """
    fields: dict[str, pa.Field] = {}
    for name, column in contract.columns.items():
        if name == target or (column.sensitive and sensitive == "drop"):
            continue
        dtype: Dtype = "string" if column.sensitive and sensitive == "hash" else column.dtype
        field = pa.field(f"{FEATURE}{name}", _TYPES[dtype])
        there = known.field(field.name) if field.name in known.names else field
        fields[name] = (
            field if there.type == field.type else field.with_name(f"{field.name}_{dtype}")
        )
    return fields
