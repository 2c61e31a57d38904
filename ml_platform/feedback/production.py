"""What the inference table and its labels say together, aggregated by DuckDB.

Nothing here holds rows: windows, delays, coverage and score bins are counts, whatever the size of
the tables. A prediction in shadow answers nobody and is left out.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ml_platform.feedback import inference_table
from ml_platform.feedback.audit import Coverage, SourceLabels
from ml_platform.feedback.coverage import Variable, code_table, coverage_of
from ml_platform.feedback.day_file import day_of
from ml_platform.feedback.delta_files import NOTHING, DeltaFiles
from ml_platform.feedback.duck import MEMORY, duckdb_over, quoted, scan
from ml_platform.feedback.estimate import Scores
from ml_platform.feedback.labeled import LabeledTable
from ml_platform.feedback.maturity import FIRST_MONDAY, LEVELS, LabelDelay, measured_delay
from ml_platform.spec.feedback import FeedbackSpec

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SCORE_BINS = 50
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class Production:
    """Predictions (view `answered`) and labels (view `labeled`) of some days.

    columns: of the inference table as it is, with DuckDB's types.
    since: where older predictions were left out, what is whole from here on.
    """

    duck: "DuckDBPyConnection"
    columns: Mapping[str, str]
    since: datetime | None = None

    def counts(self, length: timedelta) -> dict[datetime, tuple[int, int]]:
        """Predicted and labeled predictions by the start of their window."""
        number = _window_number(length)
        rows = self.duck.execute(
            f"SELECT number, sum(p), sum(l) FROM ("
            f"SELECT {number} AS number, count(*) AS p, 0 AS l FROM answered GROUP BY 1 UNION ALL "
            f"SELECT {number}, 0, count(*) FROM labeled WHERE outcome = 'joined' GROUP BY 1"
            ") GROUP BY 1"
        ).fetchall()
        return self._by_start(rows, length)

    def taught(self, length: timedelta) -> dict[datetime, tuple[int, int]]:
        """Labels that others than the model gave, by the start of their window.

        In all, and of decisions made at random.
        """
        rows = self.duck.execute(
            f"SELECT {_window_number(length)}, count(*), count(*) FILTER (random) FROM labeled "
            "WHERE outcome = 'joined' AND source IS DISTINCT FROM 'model' GROUP BY 1"
        ).fetchall()
        return self._by_start(rows, length)

    def _by_start(
        self, rows: Sequence[tuple[int, int, int]], length: timedelta
    ) -> dict[datetime, tuple[int, int]]:
        """Two counts by the start of windows, of those that are whole."""
        found = {FIRST_MONDAY + n * length: (int(first), int(second)) for n, first, second in rows}
        return {
            start: both
            for start, both in found.items()
            if self.since is None or start >= self.since
        }

    def newest_label(self) -> datetime | None:
        """When the latest outcome was seen."""
        [(newest,)] = self.duck.execute("SELECT epoch_us(max(observed_at)) FROM labeled").fetchall()
        return None if newest is None else EPOCH + timedelta(microseconds=newest)

    def delay(self, spec: FeedbackSpec, *, now: datetime) -> LabelDelay:
        """The delay of labels of predictions that are old enough for slow ones to be here."""
        old = now - max(2 * spec.label_delay, spec.label_delay + spec.window)
        seconds = "epoch_us(observed_at) / 1e6 - epoch_us(time) / 1e6"
        arrival = "epoch_us(received_at) / 1e6 - epoch_us(observed_at) / 1e6"
        levels = list(LEVELS)
        rows, took, came, late = self.duck.execute(
            f"SELECT count(*), quantile_cont({seconds}, {levels}), "
            f"quantile_cont({arrival}, {levels}), "
            f"avg(({seconds} > {spec.label_delay.total_seconds()})::INT) "
            f"FROM labeled WHERE outcome = 'joined' AND epoch_us(time) < {_us(old)}"
        ).fetchall()[0]
        return measured_delay(
            declared=spec.label_delay,
            rows=rows,
            quantiles=dict(zip(LEVELS, took or (), strict=False)),
            arrival=dict(zip(LEVELS, came or (), strict=False)),
            late=late,
        )

    def coverage(
        self, variables: Sequence[Variable], span: Span
    ) -> tuple[list[Coverage], list[Coverage]]:
        """Labeled among predicted, by each variable: of all, and of the decisions at random."""
        self._judge(span)
        known = [each for each in variables if each.column in self.columns]
        coded = code_table(self.duck, known, self.columns)
        everything = [coverage_of(self.duck, each, "true") for each in coded]
        return everything, [coverage_of(self.duck, each, "random") for each in coded]

    def labeled_in(self, span: Span) -> tuple[int, int, int]:
        """Predictions of a span, those labeled, and those that the model itself labeled."""
        where = _within(span)
        [(predicted,)] = self.duck.execute(
            f"SELECT count(*) FROM answered WHERE {where}"
        ).fetchall()
        [(labeled, own)] = self.duck.execute(
            "SELECT count(*), count(*) FILTER (source = 'model') FROM labeled "
            f"WHERE outcome = 'joined' AND {where}"
        ).fetchall()
        return predicted, labeled, own

    def sources(self, span: Span) -> list[SourceLabels]:
        """Labels of a span's predictions by source, and those that a later one contradicts."""
        rows = self.duck.execute(
            "SELECT source, count(*), count(*) FILTER (outcome = 'contradicting') FROM labeled "
            f"WHERE {_within(span)} GROUP BY source ORDER BY source"
        ).fetchall()
        return [SourceLabels(*row) for row in rows]

    def labels(self, span: Span) -> list[str]:
        """The different labels of a span, as JSON; of classes, not of a regression."""
        rows = self.duck.execute(
            f"SELECT DISTINCT label FROM labeled WHERE outcome = 'joined' AND {_within(span)}"
        ).fetchall()
        return [label for (label,) in rows]

    def scores(self, *, matured: Span, positive: str, version: int | None = None) -> Scores | None:
        """Scores after a matured span, by bins, with the outcomes of the span; None without any."""
        later = f"time >= {moment_sql(matured[1])} AND score IS NOT NULL"
        later += "" if version is None else f" AND version = {version}"
        levels = [i / _SCORE_BINS for i in range(1, _SCORE_BINS)]
        [(edges,)] = self.duck.execute(
            f"SELECT quantile_cont(score, {levels}) FROM answered WHERE {later}"
        ).fetchall()
        if edges is None:
            return None
        inner = sorted(set(edges))
        size = len(inner) + 1
        bin_ = " + ".join(f"(score > {edge!r})::INT" for edge in inner)
        now = self.duck.execute(
            f"SELECT {bin_}, sum(score), count(*) FILTER (prediction <> {quoted(positive)}), "
            f"count(*) FILTER (prediction = {quoted(positive)}) FROM answered WHERE {later} "
            "GROUP BY 1"
        ).fetchall()
        then = self.duck.execute(
            f"SELECT {bin_}, count(*), count(*) FILTER (label = {quoted(positive)}) FROM labeled "
            f"WHERE outcome = 'joined' AND score IS NOT NULL AND {_within(matured)} GROUP BY 1"
        ).fetchall()
        decided = np.zeros((size, 2), np.int64)
        sums, labeled, positives = np.zeros(size), *np.zeros((2, size), np.int64)
        for place, total, negative, chosen in now:
            decided[place], sums[place] = (negative, chosen), total
        for place, rows, hits in then:
            labeled[place], positives[place] = rows, hits
        kept = decided.sum(axis=1) > 0
        mean = sums[kept] / decided[kept].sum(axis=1)
        return Scores(mean, decided[kept], labeled[kept], positives[kept])

    def _judge(self, span: Span) -> None:
        self.duck.execute(
            "CREATE OR REPLACE TEMP VIEW judged AS SELECT a.*, l.id IS NOT NULL AS labeled "
            f"FROM (SELECT * FROM answered WHERE {_within(span)}) AS a LEFT JOIN "
            "(SELECT prediction_id AS id FROM labeled WHERE outcome = 'joined' "
            f"AND {_within(span)}) AS l ON l.id = a.prediction_id"
        )


@contextmanager
def production(
    data_url: str, model: str, *, reach: timedelta | None, memory: str = MEMORY
) -> Iterator[Production | None]:
    """The latest predictions and their labels, so far back; None before the first prediction.

    reach: None for all that are kept.

    Raises StoreError.
    """
    root = f"{data_url.rstrip('/')}/{model}"
    log = DeltaFiles(f"{root}/{inference_table.NAME}")
    labeled = LabeledTable(data_url, model)
    predictions, table = log.open(), labeled.files.open()
    files = [] if predictions is None else log.added(predictions, since=NOTHING) or []
    if not files:
        yield None
        return
    newest, since = max(day_of(file) for file in files), min(day_of(file) for file in files)
    if reach is not None:
        begin = datetime.fromisoformat(newest).replace(tzinfo=UTC) - reach
        since = begin.date().isoformat()
    parts = {} if table is None else labeled.parts(table)
    there = [file for part, each in parts.items() for file in each if since <= part <= newest]
    with (
        tempfile.TemporaryDirectory(prefix="ml_platform_") as folder,
        duckdb_over(Path(folder), memory=memory) as duck,
    ):
        recent = [file for file in files if day_of(file) >= since]
        scan(duck, "log", log, recent, by_name=True)
        duck.execute(
            "CREATE TEMP VIEW answered AS SELECT * FROM log WHERE role IS DISTINCT FROM 'shadow'"
        )
        if there:
            scan(duck, "labeled", labeled.files, there)
        else:
            duck.execute(_NO_LABELS)
        described = duck.execute("DESCRIBE answered").fetchall()
        cut = (
            datetime.fromisoformat(since).replace(tzinfo=UTC) if len(recent) < len(files) else None
        )
        yield Production(duck, {row[0]: row[1] for row in described}, cut)


_NO_LABELS = """
CREATE TEMP VIEW labeled AS SELECT NULL::VARCHAR AS prediction_id, NULL::VARCHAR AS label,
NULL::TIMESTAMPTZ AS observed_at, NULL::TIMESTAMPTZ AS received_at, NULL::VARCHAR AS source,
NULL::VARCHAR AS outcome, NULL::TIMESTAMPTZ AS time, NULL::VARCHAR AS prediction,
NULL::DOUBLE AS score, NULL::BIGINT AS version, NULL::VARCHAR AS role, NULL::BOOLEAN AS random
WHERE false
"""


def _window_number(length: timedelta) -> str:
    """Which window since the first Monday a time lies in, as an SQL expression."""
    return f"CAST(floor((epoch_us(time) - {_us(FIRST_MONDAY)}) / {_length(length)}) AS BIGINT)"


def _within(span: Span) -> str:
    return f"time >= {moment_sql(span[0])} AND time < {moment_sql(span[1])}"


def moment_sql(moment: datetime) -> str:
    """The moment as an SQL expression."""
    return f"make_timestamptz({_us(moment)})"


def _us(moment: datetime) -> int:
    return _length(moment - EPOCH)


def _length(length: timedelta) -> int:
    return length // timedelta(microseconds=1)
