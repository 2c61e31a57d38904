"""Every label that came, as it came: the raw table that feedback is joined from.

| column | type | meaning |
| --- | --- | --- |
| prediction_id | string | the prediction it is about; null where it came by key |
| key | string | the declared id it is about; null where it came by prediction id |
| label | string | the label, as JSON |
| observed_at | timestamp, UTC | when the outcome was seen; when it came, where nobody said |
| source | string | who says so |
| received_at | timestamp, UTC | when it came |
| day | date | the partition: the date of `received_at` |
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson
import pyarrow as pa

from ml_platform.feedback.day_table import DayTable
from ml_platform.feedback.inference_table import MOMENT

NAME = "labels_received"
COLUMNS = pa.schema(
    [
        ("prediction_id", pa.string()),
        ("key", pa.string()),
        ("label", pa.string()),
        ("observed_at", MOMENT),
        ("source", pa.string()),
        ("received_at", MOMENT),
    ]
)


class LabelRows(NamedTuple):
    """Labels as columns, and the records that are none, as they were."""

    table: pa.Table
    unreadable: tuple[bytes, ...]


def labels_table(
    data_url: str, model: str, *, storage_options: dict[str, str] | None = None
) -> DayTable:
    """The labels of a model that came, under `data_url`."""
    url = f"{data_url.rstrip('/')}/{model}/{NAME}"
    return DayTable(url, schema=COLUMNS, time="received_at", storage_options=storage_options)


def label_rows(records: Sequence[bytes]) -> LabelRows:
    """Return feedback records as columns."""
    rows: list[Mapping[str, Any]] = []
    unreadable: list[bytes] = []
    for record in records:
        try:
            rows.append(_row(orjson.loads(record)))
        except (ValueError, TypeError, KeyError, OverflowError, AttributeError, OSError):
            unreadable.append(record)
    return LabelRows(pa.Table.from_pylist(rows, schema=COLUMNS), tuple(unreadable))


def _row(read: Mapping[str, Any]) -> Mapping[str, Any]:
    received = datetime.fromtimestamp(float(read["at"]), UTC)
    observed = read.get("observed_at")
    return {
        "prediction_id": _text(read.get("prediction_id")),
        "key": _text(read.get("key")),
        "label": orjson.dumps(read["label"]).decode(),
        "observed_at": received if observed is None else _moment(observed),
        "source": _text(read.get("source")) or "",
        "received_at": received,
    }


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _moment(value: float | str) -> datetime:
    if not isinstance(value, str):
        return datetime.fromtimestamp(value, UTC)
    moment = datetime.fromisoformat(value)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
