"""Metrics of the decisions taken: all are functions of the confusion matrix."""

from abc import abstractmethod
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ml_platform.evaluation.metrics.metric import (
    METRICS,
    Scores,
    Target,
    Weighted,
    WeightedMetric,
    Weights,
    written,
)
from ml_platform.exceptions import MetricUnavailable
from ml_platform.task import Task

Confusion = NDArray[np.float64]

HALF = 0.5
"""The threshold from which a binary model decides for the positive class, unless told."""


def confusion_cells(
    target: Target, scores: Scores, *, threshold: float = HALF
) -> NDArray[np.int64]:
    """Return for each row the flat cell, actual * k + decided, of its (k, k) confusion matrix.

    Binary scores decide for the positive class from the threshold on; multiclass ones for the
    class of the highest score.
    """
    actual = target.astype(np.int64)
    if scores.ndim == 1:
        return actual * 2 + (scores >= threshold)
    return actual * scores.shape[1] + np.argmax(scores, axis=1)


class DecidedMetric(WeightedMetric):
    """Measured from the confusion matrix at a threshold (binary) or of the likeliest class.

    threshold: the score from which a binary model decides for the positive class.
    """

    tasks: ClassVar = frozenset({Task.BINARY, Task.MULTICLASS})

    threshold: float = Field(default=HALF, ge=0, le=1)

    @property
    def key(self) -> str:
        """The type, and the threshold where it is not 0.5: `recall_at_0_3`."""
        base = super().key
        return base if self.threshold == HALF else f"{base}_at_{written(self.threshold)}"

    @abstractmethod
    def of(self, confusion: Confusion) -> float:
        """Measure a confusion matrix (k, k): rows actual, columns decided."""

    @abstractmethod
    def rows_of(self, confusion: Confusion) -> float:
        """How many rows of the matrix the metric is a share of."""

    def carried_by(self, target: Target, scores: Scores) -> int:
        """Rows that the metric is a share of."""
        k = 2 if scores.ndim == 1 else scores.shape[1]
        cells = confusion_cells(target, scores, threshold=self.threshold)
        counted = np.bincount(cells, minlength=k * k).astype(np.float64)
        return int(self.rows_of(counted.reshape(k, k)))

    def weighted(self, target: Target, scores: Scores) -> Weighted:
        """Find the cell of each row once; each call counts."""
        k = 2 if scores.ndim == 1 else scores.shape[1]
        cells = confusion_cells(target, scores, threshold=self.threshold)

        def count(weights: Weights) -> float:
            counted = np.bincount(cells, weights, k * k).astype(np.float64, copy=False)
            return self.of(counted.reshape(k, k))

        return count


@METRICS.register
class Accuracy(DecidedMetric):
    """Share of rows decided rightly."""

    type: Literal["accuracy"] = "accuracy"

    def of(self, confusion: Confusion) -> float:
        """The diagonal over all."""
        return float(np.trace(confusion) / confusion.sum())

    def rows_of(self, confusion: Confusion) -> float:
        """All."""
        return float(confusion.sum())


@METRICS.register
class BalancedAccuracy(DecidedMetric):
    """Mean recall of the classes that occur."""

    type: Literal["balanced_accuracy"] = "balanced_accuracy"

    def of(self, confusion: Confusion) -> float:
        """Mean of the diagonal over its row."""
        actual = confusion.sum(axis=1)
        occurs = actual > 0
        if occurs.sum() < 2:
            raise MetricUnavailable(self.key, reason="all rows are of one class")
        return float(np.mean(np.diag(confusion)[occurs] / actual[occurs]))

    def rows_of(self, confusion: Confusion) -> float:
        """Those of the rarest class that occurs."""
        return _fewest(confusion.sum(axis=1))


@METRICS.register
class Precision(DecidedMetric):
    """Share of positives among the rows decided positive."""

    type: Literal["precision"] = "precision"
    tasks: ClassVar = frozenset({Task.BINARY})

    def of(self, confusion: Confusion) -> float:
        """Right among those decided positive."""
        decided = confusion[:, 1].sum()
        if decided <= 0:
            reason = f"no row scores {self.threshold:g} or more, so none is decided positive"
            raise MetricUnavailable(self.key, reason=reason)
        return float(confusion[1, 1] / decided)

    def rows_of(self, confusion: Confusion) -> float:
        """Those decided positive."""
        return float(confusion[:, 1].sum())


@METRICS.register
class Recall(DecidedMetric):
    """Share of the positives that are decided positive."""

    type: Literal["recall"] = "recall"
    tasks: ClassVar = frozenset({Task.BINARY})

    def of(self, confusion: Confusion) -> float:
        """Right among those that are positive."""
        positives = confusion[1].sum()
        if positives <= 0:
            raise MetricUnavailable(self.key, reason="no row is positive")
        return float(confusion[1, 1] / positives)

    def rows_of(self, confusion: Confusion) -> float:
        """The positive ones."""
        return float(confusion[1].sum())


@METRICS.register
class F1(DecidedMetric):
    """Harmonic mean of precision and recall of the positive class; 0 where none is found."""

    type: Literal["f1"] = "f1"
    tasks: ClassVar = frozenset({Task.BINARY})

    def of(self, confusion: Confusion) -> float:
        """Twice the right ones over those that are and those that were decided positive."""
        if confusion[1].sum() <= 0:
            raise MetricUnavailable(self.key, reason="no row is positive")
        return float(2 * confusion[1, 1] / (confusion[1].sum() + confusion[:, 1].sum()))

    def rows_of(self, confusion: Confusion) -> float:
        """The positive ones."""
        return float(confusion[1].sum())


@METRICS.register
class F1Macro(DecidedMetric):
    """Mean F1 of the classes that occur or were decided for."""

    type: Literal["f1_macro"] = "f1_macro"
    tasks: ClassVar = frozenset({Task.MULTICLASS})

    def of(self, confusion: Confusion) -> float:
        """Mean over classes of twice the right ones over actual and decided."""
        both = confusion.sum(axis=0) + confusion.sum(axis=1)
        seen = both > 0
        return float(np.mean(2 * np.diag(confusion)[seen] / both[seen]))

    def rows_of(self, confusion: Confusion) -> float:
        """Those of the rarest class that occurs."""
        return _fewest(confusion.sum(axis=1))


def _fewest(rows: NDArray[np.float64]) -> float:
    return float(rows[rows > 0].min())
