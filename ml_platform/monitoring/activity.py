"""How much a version answered, how fast, and whether its answers look alive."""

import pyarrow as pa

from ml_platform.plugins import Strict

_SQL = """
SELECT version, role, count(*) AS predictions,
       avg(score) FILTER (isfinite(score)) AS mean_score,
       stddev_pop(score) FILTER (isfinite(score)) AS stdev_score,
       count(DISTINCT score) AS distinct_scores,
       count(*) FILTER (score IS NULL OR NOT isfinite(score)) AS missing_scores,
       avg(latency_us) / 1000 AS mean_ms,
       quantile_cont(latency_us, 0.95) / 1000 AS p95_ms,
       quantile_cont(latency_us, 0.99) / 1000 AS p99_ms,
       avg(CAST(coalesce(random, false) AS INTEGER)) AS random_share
FROM predictions GROUP BY version, role ORDER BY version, role"""

FEW = 50
"""Fewer predictions than this may well be all the same."""


class Activity(Strict):
    """What one version answered in one role.

    mean_score, stdev_score: of the probability, or of the value; None where none was a number.
    distinct_scores: how many different ones; missing_scores: answers without one.
    mean_ms, p95_ms, p99_ms: from a request's first byte until it was answered, milliseconds; of a
    shadow, what its scoring took.
    random_share: share of answers marked to be decided at random, to explore.
    """

    version: int
    role: str
    predictions: int
    mean_score: float | None
    stdev_score: float | None
    distinct_scores: int
    missing_scores: int
    mean_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    random_share: float

    @property
    def is_constant(self) -> bool:
        """Whether it answers the same whatever it is asked."""
        return self.predictions >= FEW and self.distinct_scores == 1


def activity(predictions: pa.Table) -> tuple[Activity, ...]:
    """Return the activity of each version and role; rows as in the inference table."""
    import duckdb

    with duckdb.connect() as connection:
        connection.register("predictions", predictions)
        found = connection.execute(_SQL)
        names = [column[0] for column in found.description or ()]
        return tuple(
            Activity.model_validate(dict(zip(names, row, strict=True))) for row in found.fetchall()
        )
