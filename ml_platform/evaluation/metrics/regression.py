"""Metrics of predicted numbers."""

import math
from typing import ClassVar, Literal

import numpy as np

from ml_platform.evaluation.metrics.averaged import AveragedMetric
from ml_platform.evaluation.metrics.metric import (
    METRICS,
    Scores,
    Target,
    Weighted,
    WeightedMetric,
    Weights,
)
from ml_platform.evaluation.ranking import summed
from ml_platform.exceptions import MetricUnavailable
from ml_platform.task import Task

REGRESSION = frozenset({Task.REGRESSION})


@METRICS.register
class RootMeanSquaredError(AveragedMetric):
    """Square root of the mean squared error, in units of the target."""

    type: Literal["rmse"] = "rmse"
    tasks: ClassVar = REGRESSION

    def values(self, target: Target, scores: Scores) -> Scores:
        """Squared error of each row."""
        return np.square(scores - target.astype(np.float64))

    def of_mean(self, mean: float) -> float:
        """Back to the units of the target."""
        return math.sqrt(mean)


@METRICS.register
class MeanAbsoluteError(AveragedMetric):
    """Mean absolute error, in units of the target."""

    type: Literal["mae"] = "mae"
    tasks: ClassVar = REGRESSION

    def values(self, target: Target, scores: Scores) -> Scores:
        """Absolute error of each row."""
        return np.abs(scores - target.astype(np.float64))


@METRICS.register
class MeanAbsolutePercentageError(AveragedMetric):
    """Mean absolute error relative to the target, as a fraction; not measurable at target 0."""

    type: Literal["mape"] = "mape"
    tasks: ClassVar = REGRESSION

    def values(self, target: Target, scores: Scores) -> Scores:
        """Relative error of each row."""
        actual = target.astype(np.float64)
        zeros = int((actual == 0).sum())
        if zeros:
            raise MetricUnavailable(self.key, reason=f"the target is 0 in {zeros:,} rows")
        return np.abs((scores - actual) / actual)


@METRICS.register
class R2(WeightedMetric):
    """Share of the target's variance that is explained; negative when worse than its mean."""

    type: Literal["r2"] = "r2"
    tasks: ClassVar = REGRESSION

    def weighted(self, target: Target, scores: Scores) -> Weighted:
        """Centre the target once, so that its variance loses no digits; each call sums."""
        actual = target.astype(np.float64)
        centred = actual - actual.mean()
        terms = (np.square(scores - actual), centred, np.square(centred))

        def share(weights: Weights) -> float:
            error, total, squares = (summed(term, weights) for term in terms)
            variance = squares - total**2 / weights.sum()
            if variance <= 1e-14 * squares or squares == 0:
                raise MetricUnavailable(self.key, reason="the target is the same in all rows")
            return float(1 - error / variance)

        return share


@METRICS.register
class MedianAbsoluteError(WeightedMetric):
    """Median absolute error, in units of the target."""

    type: Literal["median_absolute_error"] = "median_absolute_error"
    tasks: ClassVar = REGRESSION
    greater_is_better: ClassVar[bool] = False

    def weighted(self, target: Target, scores: Scores) -> Weighted:
        """Sort the errors once; each call cumulates weights to the middle."""
        errors = np.abs(scores - target.astype(np.float64))
        order = np.argsort(errors, kind="stable")
        ranked = errors[order]

        def median(weights: Weights) -> float:
            reached = np.cumsum(weights[order])
            last = reached[-1] - 1
            middle = [math.floor(last / 2), math.ceil(last / 2)]
            return float(ranked[np.searchsorted(reached, middle, side="right")].mean())

        return median
