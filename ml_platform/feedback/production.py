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

from ml_platform.feedback.audit import Coverage, SourceLabels
from ml_platform.feedback.coverage import Variable, code_table, coverage_of
from ml_platform.feedback.duck import MEMORY, duckdb_over, quoted
from ml_platform.feedback.estimate import Counts, Floats, Outcomes, Scores
from ml_platform.feedback.maturity import FIRST_MONDAY, LEVELS, LabelDelay, measured_delay
from ml_platform.feedback.production_files import ProductionFiles, Span
from ml_platform.spec.feedback import FeedbackSpec

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SCORE_BINS = 50
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Event:
    """What a score is the probability of.

    positive: a class, as labels are stored; None of more than two classes, where the log holds how
    sure the answer is: that it is right.
    """

    positive: str | None

    @property
    def decided(self) -> str:
        """Whether a prediction says that it comes true, as an SQL expression."""
        return "true" if self.positive is None else f"prediction = {quoted(self.positive)}"

    @property
    def came(self) -> str:
        """Whether a label says that it came true, as an SQL expression."""
        return f"label = {'prediction' if self.positive is None else quoted(self.positive)}"


@dataclass(frozen=True)
class Production:
    """Predictions (view `answered`) and labels (view `labeled`) of some days.

    columns: of the inference table as it is, with DuckDB's types. files: of these days.
    since: where older predictions were left out, what is whole from here on.
    """

    duck: "DuckDBPyConnection"
    columns: Mapping[str, str]
    files: ProductionFiles
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
            f"SELECT count(*) FROM {self._answered(span)} WHERE {where}"
        ).fetchall()
        [(labeled, own)] = self.duck.execute(
            "SELECT count(*), count(*) FILTER (source = 'model') "
            f"FROM {self._labeled(span)} WHERE outcome = 'joined' AND {where}"
        ).fetchall()
        return predicted, labeled, own

    def sources(self, span: Span) -> list[SourceLabels]:
        """Labels of a span's predictions by source, and those that a later one contradicts."""
        rows = self.duck.execute(
            "SELECT source, count(*), count(*) FILTER (outcome = 'contradicting') "
            f"FROM {self._labeled(span)} WHERE {_within(span)} GROUP BY source ORDER BY source"
        ).fetchall()
        return [SourceLabels(*row) for row in rows]

    def scores(self, *, after: datetime, event: Event, outcomes: Outcomes) -> Scores | None:
        """Scores from a time on, by bins of as many, beside outcomes; None without any."""
        answered = self._answered((after, _LATEST))
        later = f"time >= {moment_sql(after)} AND score IS NOT NULL"
        levels = [i / _SCORE_BINS for i in range(1, _SCORE_BINS)]
        [(edges,)] = self.duck.execute(
            f"SELECT quantile_cont(score, {levels}) FROM {answered} WHERE {later}"
        ).fetchall()
        if edges is None:
            return None
        inner = np.array(sorted(set(edges)))
        rows = self.duck.execute(
            f"SELECT {_bin(inner)}, sum(score), count(*) FILTER (NOT {event.decided}), "
            f"count(*) FILTER ({event.decided}) FROM {answered} WHERE {later} GROUP BY 1"
        ).fetchall()
        decided, sums = np.zeros((len(inner) + 1, 2), np.int64), np.zeros(len(inner) + 1)
        for place, total, negative, chosen in rows:
            decided[place], sums[place] = (negative, chosen), total
        labeled, positives = outcomes(inner)
        kept = decided.sum(axis=1) > 0
        mean = sums[kept] / decided[kept].sum(axis=1)
        return Scores(mean, decided[kept], labeled[kept], positives[kept])

    def outcomes(self, span: Span, *, event: Event) -> Outcomes:
        """The outcomes of a span's predictions, by bins of their scores."""

        def counted(edges: Floats) -> tuple[Counts, Counts]:
            rows = self.duck.execute(
                f"SELECT {_bin(edges)}, count(*), count(*) FILTER ({event.came}) "
                f"FROM {self._labeled(span)} WHERE outcome = 'joined' AND score IS NOT NULL "
                f"AND {_within(span)} GROUP BY 1"
            ).fetchall()
            labeled, positives = np.zeros((2, len(edges) + 1), np.int64)
            for place, number, hits in rows:
                labeled[place], positives[place] = number, hits
            return labeled, positives

        return counted

    def _answered(self, span: Span) -> str:
        """The view of a span's days: the fewer files, the sooner."""
        self.files.within(span).view_answered(self.duck, "answered_then")
        return "answered_then"

    def _labeled(self, span: Span) -> str:
        self.files.within(span).view_labeled(self.duck, "labeled_then")
        return "labeled_then"

    def _judge(self, span: Span) -> None:
        self.duck.execute(
            "CREATE OR REPLACE TEMP VIEW judged AS SELECT a.*, l.id IS NOT NULL AS labeled "
            f"FROM (SELECT * FROM {self._answered(span)} WHERE {_within(span)}) AS a LEFT JOIN "
            f"(SELECT prediction_id AS id FROM {self._labeled(span)} WHERE outcome = 'joined' "
            f"AND {_within(span)}) AS l ON l.id = a.prediction_id"
        )


@contextmanager
def production(
    everything: ProductionFiles, *, reach: timedelta | None, memory: str = MEMORY
) -> Iterator[Production | None]:
    """The latest predictions and their labels, so far back; None before the first prediction.

    reach: None for all that are kept.

    Raises StoreError.
    """
    if not everything.logged:
        yield None
        return
    days = everything.logged.values()
    newest, since = max(days), min(days)
    if reach is not None:
        begin = datetime.fromisoformat(newest).replace(tzinfo=UTC) - reach
        since = begin.date().isoformat()
    files = everything.between(since, newest)
    cut = None
    if len(files.logged) < len(everything.logged):
        cut = datetime.fromisoformat(since).replace(tzinfo=UTC)
    with (
        tempfile.TemporaryDirectory(prefix="ml_platform_") as folder,
        duckdb_over(Path(folder), memory=memory) as duck,
    ):
        files.view_answered(duck)
        files.view_labeled(duck)
        described = duck.execute("DESCRIBE answered").fetchall()
        yield Production(duck, {row[0]: row[1] for row in described}, files, cut)


def _window_number(length: timedelta) -> str:
    """Which window since the first Monday a time lies in, as an SQL expression."""
    return f"CAST(floor((epoch_us(time) - {_us(FIRST_MONDAY)}) / {_length(length)}) AS BIGINT)"


def _bin(edges: Floats) -> str:
    """Which bin of these inner edges a score lies in, as an SQL expression."""
    return " + ".join(f"(score > {edge!r})::INT" for edge in edges.tolist())


def _within(span: Span) -> str:
    return f"time >= {moment_sql(span[0])} AND time < {moment_sql(span[1])}"


def moment_sql(moment: datetime) -> str:
    """The moment as an SQL expression."""
    return f"make_timestamptz({_us(moment)})"


def _us(moment: datetime) -> int:
    return _length(moment - EPOCH)


def _length(length: timedelta) -> int:
    return length // timedelta(microseconds=1)
