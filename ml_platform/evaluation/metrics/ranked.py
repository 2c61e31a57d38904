"""Metrics that depend only on the order of the scores."""

import math
from abc import abstractmethod
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from ml_platform.evaluation.metrics.metric import (
    METRICS,
    Metric,
    Scores,
    Target,
    Weighted,
    WeightedMetric,
    Weights,
    read_number,
    written,
)
from ml_platform.evaluation.pairs import ConcordantPairs
from ml_platform.evaluation.ranking import Cumulated, Ranking, cumulated, summed
from ml_platform.exceptions import MetricUnavailable
from ml_platform.task import Task


class RankedMetric(WeightedMetric):
    """Measured from the weights cumulated by falling score."""

    tasks: ClassVar = frozenset({Task.BINARY})

    @abstractmethod
    def of(self, cumulated: Cumulated) -> float:
        """Measure rows of which at least one weighs something."""

    def weighted(self, target: Target, scores: Scores) -> Weighted:
        """Sort once; each call cumulates."""
        ranking = Ranking(target, scores)
        return lambda weights: self.of(ranking.cumulate(weights))

    def need_positives(self, cumulated: Cumulated) -> None:
        """Raise MetricUnavailable when no row is positive."""
        if cumulated.positives <= 0:
            raise MetricUnavailable(self.key, reason="no row is positive")

    def need_both_classes(self, cumulated: Cumulated) -> None:
        """Raise MetricUnavailable when all rows are of one class."""
        if cumulated.positives <= 0 or cumulated.negatives <= 0:
            raise one_class(self.key, cumulated.positives)


def one_class(key: str, positives: float) -> MetricUnavailable:
    """Say that a metric needs both classes and which one is there."""
    one = "negative" if positives <= 0 else "positive"
    return MetricUnavailable(key, reason=f"all rows are of one class ({one})")


@METRICS.register
class RocAuc(WeightedMetric):
    """Area under the ROC curve, ties counted half; multiclass: mean of one-against-rest."""

    type: Literal["roc_auc"] = "roc_auc"
    tasks: ClassVar = frozenset({Task.BINARY, Task.MULTICLASS})

    def weighted(self, target: Target, scores: Scores) -> Weighted:
        """Lay out the pairs of rows once for each class."""
        if scores.ndim == 1:
            pairs = ConcordantPairs(target, scores)
            return lambda weights: self._area(*pairs.weigh(weights))
        each = [ConcordantPairs(target == k, scores[:, k]) for k in range(scores.shape[1])]

        def mean(weights: Weights) -> float:
            weighed = [pairs.weigh(weights) for pairs in each]
            absent = [str(k) for k, (_, positives, _) in enumerate(weighed) if positives <= 0]
            if absent:
                raise MetricUnavailable(
                    self.key, reason=f"no row is of class number {', '.join(absent)}"
                )
            return float(np.mean([self._area(*part) for part in weighed]))

        return mean

    def carried_by(self, target: Target, scores: Scores) -> int:
        """Rows of the rarest class."""
        k = 2 if scores.ndim == 1 else scores.shape[1]
        return int(np.bincount(target.astype(np.int64), minlength=k).min())

    def _area(self, concordant: float, positives: float, negatives: float) -> float:
        if positives <= 0 or negatives <= 0:
            raise one_class(self.key, positives)
        return concordant / positives / negatives


@METRICS.register
class AveragePrecision(WeightedMetric):
    """Precision averaged over the steps of recall, as scikit-learn's `average_precision_score`.

    Multiclass: mean of one-against-rest (`average="macro"` there); every class must occur.
    """

    type: Literal["average_precision"] = "average_precision"
    tasks: ClassVar = frozenset({Task.BINARY, Task.MULTICLASS})

    def weighted(self, target: Target, scores: Scores) -> Weighted:
        """Sort once for each class."""
        if scores.ndim == 1:
            return self._of_one(target, scores, lacking="no row is positive")
        each = [
            self._of_one(target == k, scores[:, k], lacking=f"no row is of class number {k}")
            for k in range(scores.shape[1])
        ]
        return lambda weights: float(np.mean([one(weights) for one in each]))

    def _of_one(self, target: Target, scores: Scores, *, lacking: str) -> Weighted:
        """Each call looks at the precision at each positive row, of its tie's end."""
        ranking = Ranking(target, scores)
        hits = np.flatnonzero(ranking.positive)
        ends = ranking.tie_ends(hits)
        ones, last = ranking.order[hits], np.searchsorted(hits, ends, side="right") - 1
        first = np.empty_like(ranking.order)  # of the positive rows that have the row above them
        first[ranking.order] = np.searchsorted(ends, np.arange(len(first)))

        def mean(weights: Weights) -> float:
            own = weights.take(ones)
            positive = cumulated(own)
            if not len(own) or positive[-1] <= 0:
                raise MetricUnavailable(self.key, reason=lacking)
            total = cumulated(np.bincount(first, weights, minlength=len(ones))[: len(ones)])
            precision = positive.take(last) / np.maximum(total, 1)  # 0 where nothing was drawn
            return summed(own, precision) / float(positive[-1])

        return mean

    def carried_by(self, target: Target, scores: Scores) -> int:
        """The positive rows, or those of the rarest class."""
        if scores.ndim == 1:
            return int(target.sum())
        return int(np.bincount(target.astype(np.int64), minlength=scores.shape[1]).min())


@METRICS.register
class PrecisionAt(RankedMetric):
    """Share of positives among the given percent of rows that score highest.

    The number of rows is rounded up; rows that tie at the cut count in proportion, so that the
    order of rows does not matter. Key: `precision_at_5` for 5 percent.

    percent: of the rows.
    """

    type: Literal["precision_at"] = "precision_at"
    percent: float = Field(gt=0, le=100)

    @property
    def key(self) -> str:
        """`precision_at_<percent>`."""
        return f"{super().key}_{written(self.percent)}"

    @classmethod
    def of_key(cls, key: str) -> Metric | None:
        """Read the percent from the key."""
        percent = read_number(key.removeprefix("precision_at_"))
        return None if percent is None or not 0 < percent <= 100 else cls(percent=percent)

    def of(self, cumulated: Cumulated) -> float:
        """Positives above the cut, by the rows above it."""
        total = cumulated.positive + cumulated.negative
        if total[-1] <= 0:
            raise MetricUnavailable(self.key, reason="there are no rows")
        wanted = np.ceil(self.percent * total[-1] / 100)
        at = int(np.searchsorted(total, wanted))
        rows, true = (total[at - 1], cumulated.positive[at - 1]) if at else (0.0, 0.0)
        share = (wanted - rows) / (total[at] - rows)
        return float((true + share * (cumulated.positive[at] - true)) / wanted)

    def carried_by(self, target: Target, scores: Scores) -> int:
        """Rows above the cut."""
        del scores
        return math.ceil(self.percent * len(target) / 100)


@METRICS.register
class FprAtRecall(RankedMetric):
    """Smallest false positive rate at which the recall is reached. Key: `fpr_at_recall_80`.

    recall: to be reached, as a fraction.
    """

    type: Literal["fpr_at_recall"] = "fpr_at_recall"
    recall: float = Field(gt=0, le=1)
    greater_is_better: ClassVar[bool] = False

    @property
    def key(self) -> str:
        """`fpr_at_recall_<recall in percent>`."""
        return f"{super().key}_{written(self.recall * 100)}"

    @classmethod
    def of_key(cls, key: str) -> Metric | None:
        """Read the recall from the key."""
        percent = read_number(key.removeprefix("fpr_at_recall_"))
        return None if percent is None or not 0 < percent <= 100 else cls(recall=percent / 100)

    def of(self, cumulated: Cumulated) -> float:
        """The first point of the ROC curve that reaches the recall."""
        self.need_both_classes(cumulated)
        wanted = self.recall * cumulated.positives
        at = int(np.searchsorted(cumulated.positive, wanted * (1 - 1e-12)))
        return float(cumulated.negative[at] / cumulated.negatives)

    def carried_by(self, target: Target, scores: Scores) -> int:
        """The rows of the rarer class: the negative ones, or those that set the cut."""
        del scores
        positives = int(target.sum())
        return min(positives, len(target) - positives)
