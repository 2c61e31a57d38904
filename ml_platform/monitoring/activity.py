"""How much a version answered, how fast, and whether its answers look alive."""

import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.plugins import Strict

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
    pairs = predictions.group_by(["version", "role"]).aggregate([]).to_pylist()
    return tuple(
        _activity(predictions, **pair)
        for pair in sorted(pairs, key=lambda pair: (pair["version"], pair["role"]))
    )


def _activity(predictions: pa.Table, *, version: int, role: str) -> Activity:
    own = predictions.filter(
        pc.and_(pc.equal(predictions["version"], version), pc.equal(predictions["role"], role))
    )
    scores = own["score"].filter(pc.fill_null(pc.is_finite(own["score"]), fill_value=False))
    p95, p99 = (quantile.as_py() for quantile in pc.quantile(own["latency_us"], [0.95, 0.99]))
    random = pc.fill_null(own["random"], fill_value=False)
    return Activity(
        version=version,
        role=role,
        predictions=own.num_rows,
        mean_score=pc.mean(scores).as_py(),
        stdev_score=pc.stddev(scores).as_py(),
        distinct_scores=pc.count_distinct(own["score"]).as_py(),
        missing_scores=own.num_rows - len(scores),
        mean_ms=_ms(pc.mean(own["latency_us"]).as_py()),
        p95_ms=_ms(p95),
        p99_ms=_ms(p99),
        random_share=pc.mean(pc.cast(random, pa.float64())).as_py(),
    )


def _ms(microseconds: float | None) -> float | None:
    return None if microseconds is None else microseconds / 1000
