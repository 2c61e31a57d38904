"""What a candidate is compared with, on which rows."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ml_platform.evaluation.estimates import Estimate
from ml_platform.evaluation.metrics.metric import Metric, Scores, Target
from ml_platform.evaluation.paired import Method, estimate, paired_estimate
from ml_platform.evaluation.spec import metric_of_key
from ml_platform.exceptions import MetricUnavailable
from ml_platform.gates.evidence import ChampionEvidence, EvaluationEvidence
from ml_platform.task import Task


@dataclass(frozen=True, eq=False)
class Measuring:
    """How a gate measures: confidence of the interval, rounds of resampling, method."""

    confidence: float
    rounds: int
    method: Method
    seed: int


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of the holdout that a gate judges.

    places: (n,) their positions in the holdout, ascending.
    others: the champion's scores of the same rows; None where none are compared.
    """

    task: Task
    places: NDArray[np.int64]
    target: Target
    scores: Scores
    others: Scores | None = None

    def at(self, places: NDArray[np.int64]) -> "Rows":
        """Those of these rows that lie at some positions of the holdout, ascending."""
        kept = np.isin(self.places, places, assume_unique=True)
        others = None if self.others is None else self.others[kept]
        return replace(
            self,
            places=self.places[kept],
            target=self.target[kept],
            scores=self.scores[kept],
            others=others,
        )

    def margin(self, metric: Metric, how: Measuring, *, reference: float = 0.0) -> Estimate:
        """How much better than the reference the candidate is: than the champion, or a number.

        Raises MetricUnavailable.
        """
        measure = estimate if self.others is None else partial(paired_estimate, others=self.others)
        found = measure(
            metric,
            self.target,
            self.scores,
            task=self.task,
            confidence=how.confidence,
            rounds=how.rounds,
            seed=how.seed,
            method=how.method,
        ).minus(reference)
        return found if metric.greater_is_better else found.negated()


def rows_of(evidence: EvaluationEvidence) -> Rows | str:
    """All rows of the holdout, or why there are none to judge."""
    if evidence.target is None or evidence.scores is None:
        return "the rows of the holdout were not given to the gate"
    places = np.arange(len(evidence.target))
    return Rows(evidence.evaluation.task, places, evidence.target, evidence.scores)


def rows_against(champion: ChampionEvidence, evidence: EvaluationEvidence) -> Rows | str:
    """The rows that neither candidate nor champion was trained on, or why there are none.

    On rows that it has seen the champion would look better than it is, and an equal candidate
    worse.
    """
    rows = rows_of(evidence)
    if isinstance(rows, str):
        return rows
    if champion.scores is None:
        return f"version {champion.version}, the champion, is not comparable: {champion.problem}"
    rows = replace(rows, others=champion.scores)
    if champion.seen is None or not champion.seen.any():
        return rows
    if champion.seen.all():
        return (
            f"version {champion.version}, the champion, was trained on all "
            f"{len(rows.places):,} rows of this holdout, so nothing can be compared fairly"
        )
    return rows.at(np.flatnonzero(~champion.seen))


def told_overlap(champion: ChampionEvidence) -> str:
    """Say when the champion was trained on rows of the holdout, and what was done about it."""
    if champion.seen is None:
        return f"; not known whether version {champion.version} was trained on rows of this holdout"
    seen, rows = int(champion.seen.sum()), len(champion.seen)
    if not seen:
        return ""
    return (
        f"; version {champion.version} was trained on {seen:,} of the {rows:,} rows of this "
        "holdout, which were left out"
    )


def metric_for(evidence: EvaluationEvidence, key: str) -> Metric:
    """The declared metric of a key, else the one that the key tells. Raises UnknownPlugin."""
    return evidence.metrics.get(key) or metric_of_key(key)


def margin_or_reason(
    rows: Rows, metric: Metric, how: Measuring, *, reference: float = 0.0
) -> Estimate | str:
    """The margin, or why it cannot be measured."""
    try:
        return rows.margin(metric, how, reference=reference)
    except MetricUnavailable as error:
        return error.reason
