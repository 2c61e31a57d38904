"""Metrics of how well probabilities say what happens."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from ml_platform.evaluation.metrics.averaged import AveragedMetric
from ml_platform.evaluation.metrics.metric import (
    METRICS,
    Scores,
    Target,
    Weighted,
    WeightedMetric,
    Weights,
)
from ml_platform.task import Task


@METRICS.register
class LogLoss(AveragedMetric):
    """Mean negative logarithm of the probability given to what happened, in nats.

    Probabilities are kept a float64 epsilon away from 0 and 1, as scikit-learn does.
    """

    type: Literal["log_loss"] = "log_loss"
    tasks: ClassVar = frozenset({Task.BINARY, Task.MULTICLASS})

    def values(self, target: Target, scores: Scores) -> Scores:
        """Loss of each row."""
        epsilon = np.finfo(np.float64).eps
        actual = target.astype(np.int64)
        if scores.ndim == 1:
            given = np.where(actual == 1, scores, 1 - scores)
        else:
            given = _shares(scores)[np.arange(len(actual)), actual]
        return -np.log(np.clip(given, epsilon, 1 - epsilon))


@METRICS.register
class Brier(AveragedMetric):
    """Mean squared difference of probability and outcome (Brier, 1950).

    Multiclass: summed over the classes, from 0 to 2; of two classes it is that of the positive one
    alone, from 0 to 1, which is half of the sum. Both as scikit-learn's `brier_score_loss`.
    """

    type: Literal["brier"] = "brier"
    tasks: ClassVar = frozenset({Task.BINARY, Task.MULTICLASS})

    def values(self, target: Target, scores: Scores) -> Scores:
        """Squared difference of each row."""
        if scores.ndim == 1:
            return np.square(scores - target.astype(np.float64))
        happened = np.eye(scores.shape[1])[target.astype(np.int64)]
        return np.square(_shares(scores) - happened).sum(axis=1)


@METRICS.register
class ExpectedCalibrationError(WeightedMetric):
    """Mean gap of probability and frequency in bins of equal width (Guo et al., 2017).

    bins: how many.
    Each bin weighs as many rows as it has; empty ones count nothing. Multiclass: the probability of
    the likeliest class against how often it is the right one.
    """

    type: Literal["expected_calibration_error"] = "expected_calibration_error"
    bins: int = Field(default=10, ge=1, le=10_000)
    tasks: ClassVar = frozenset({Task.BINARY, Task.MULTICLASS})
    greater_is_better: ClassVar[bool] = False

    @property
    def key(self) -> str:
        """The type, and the number of bins where it is not 10."""
        return super().key if self.bins == 10 else f"{super().key}_{self.bins}"

    def weighted(self, target: Target, scores: Scores) -> Weighted:
        """Find the bin of each row once; each call sums the gaps."""
        said, happened = scores, target.astype(np.float64)
        if scores.ndim > 1:
            said = _shares(scores).max(axis=1)
            happened = (target == scores.argmax(axis=1)).astype(np.float64)
        place = np.clip((said * self.bins).astype(np.int64), 0, self.bins - 1)
        gap = said - happened

        def mean_gap(weights: Weights) -> float:
            sums = np.bincount(place, weights * gap, self.bins)
            return float(np.abs(sums).sum() / weights.sum())

        return mean_gap


def _shares(scores: Scores) -> Scores:
    """Probabilities (n, k) that add up to 1."""
    return scores / scores.sum(axis=1, keepdims=True)
