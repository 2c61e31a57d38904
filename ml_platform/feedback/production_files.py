"""The files of predictions and of their labels, by day: who asks of a few days opens theirs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Self

from ml_platform.feedback import inference_table
from ml_platform.feedback.day_file import day_of
from ml_platform.feedback.delta_files import NOTHING, DeltaFiles
from ml_platform.feedback.duck import scan
from ml_platform.feedback.labeled import QUARANTINED, UNKNOWN, LabeledTable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Span = tuple[datetime, datetime]

_NO_LABELS = """
CREATE OR REPLACE TEMP VIEW {name} AS SELECT NULL::VARCHAR AS prediction_id, NULL::VARCHAR AS label,
NULL::TIMESTAMPTZ AS observed_at, NULL::TIMESTAMPTZ AS received_at, NULL::VARCHAR AS source,
NULL::VARCHAR AS outcome, NULL::TIMESTAMPTZ AS time, NULL::VARCHAR AS prediction,
NULL::DOUBLE AS score, NULL::BIGINT AS version, NULL::VARCHAR AS role, NULL::BOOLEAN AS random
WHERE false
"""


@dataclass(frozen=True)
class ProductionFiles:
    """The files of a model's inference table, and of its labels, with the day of their rows.

    version: of the table of labels; NOTHING without one. labels: rows of it, by the day of their
    predictions; of all days.
    """

    log: DeltaFiles
    labeled: DeltaFiles
    logged: Mapping[str, str]
    joined: Mapping[str, str]
    version: int
    labels: Mapping[date, int]

    @classmethod
    def of(cls, data_url: str, model: str) -> Self:
        """Look up the files as they are now. Raises StoreError."""
        log = DeltaFiles(f"{data_url.rstrip('/')}/{model}/{inference_table.NAME}")
        labels = LabeledTable(data_url, model)
        predictions, table = log.open(), labels.files.open()
        files = [] if predictions is None else log.added(predictions, since=NOTHING) or []
        parts = {} if table is None else labels.parts(table)
        return cls(
            log,
            labels.files,
            logged={file: day_of(file) for file in files},
            joined={file: part for part, each in parts.items() for file in each},
            version=NOTHING if table is None else table.version(),
            labels={
                date.fromisoformat(part): sum(each.values())
                for part, each in parts.items()
                if part not in (UNKNOWN, QUARANTINED)
            },
        )

    def between(self, first: str, last: str) -> Self:
        """Those of the days from `first` to `last`, both inclusive, YYYY-MM-DD."""
        return replace(
            self,
            logged={file: day for file, day in self.logged.items() if first <= day <= last},
            joined={file: day for file, day in self.joined.items() if first <= day <= last},
        )

    def within(self, span: Span) -> Self:
        """Those of the days that a span touches."""
        last = span[1] - timedelta(microseconds=1)
        return self.between(span[0].date().isoformat(), last.date().isoformat())

    @property
    def digest(self) -> str:
        """A hash of their names: no file ever changes, so the same have the same rows."""
        names: Iterable[str] = (*sorted(self.logged), "", *sorted(self.joined))
        return sha256("\n".join(names).encode()).hexdigest()

    def view_answered(self, duck: "DuckDBPyConnection", name: str = "answered") -> None:
        """Make the view of the predictions; one in shadow answers nobody and is left out.

        Of none it has the columns of the view `answered`.
        """
        rows, where = "answered", "false"
        if self.logged:
            rows, where = f"{name}_or_shadow", "role IS DISTINCT FROM 'shadow'"
            scan(duck, rows, self.log, list(self.logged), by_name=True)
        duck.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT * FROM {rows} WHERE {where}")

    def view_labeled(self, duck: "DuckDBPyConnection", name: str = "labeled") -> None:
        """Make the view of the labels."""
        if self.joined:
            scan(duck, name, self.labeled, list(self.joined))
        else:
            duck.execute(_NO_LABELS.format(name=name))
