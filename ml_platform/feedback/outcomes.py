"""Labeled predictions as a stream: what was answered, and what it turned out to be."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from ml_platform.feedback.production import Production, moment_sql

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 100_000
"""Rows at a time."""


def labeled_outcomes(
    found: Production,
    *,
    since: datetime,
    versions: Mapping[str, int],
    scores: bool,
    only_random: bool = False,
) -> "Iterator[pa.RecordBatch]":
    """Yield labels in force of what versions answered in their roles since a time.

    versions: by role, such as champion. scores: whether the column of one score a class is needed.
    Columns: version, at (microseconds since 1970), label and prediction (JSON), score, scores.
    What the model itself labeled says nothing about it and is left out.
    """
    roles = " OR ".join(f"(l.role = '{r}' AND l.version = {v:d})" for r, v in versions.items())
    join = "JOIN answered AS a ON a.prediction_id = l.prediction_id" if scores else ""
    reader = found.duck.sql(
        "SELECT l.version, epoch_us(l.time) AS at, l.label, l.prediction, l.score"
        f"{', a.scores' if scores else ''} FROM labeled AS l {join} "
        f"WHERE l.outcome = 'joined' AND l.time >= {moment_sql(since)} AND ({roles}) "
        "AND l.source IS DISTINCT FROM 'model'" + (" AND l.random" if only_random else "")
    ).to_arrow_reader(BATCH)
    yield from reader
