"""Metrics that are means over rows."""

from abc import abstractmethod
from typing import ClassVar

from ml_platform.evaluation.metrics.metric import Scores, Target, Weighted, WeightedMetric, Weights
from ml_platform.evaluation.ranking import summed


class AveragedMetric(WeightedMetric):
    """The mean of a loss of each row, or a function of that mean."""

    greater_is_better: ClassVar[bool] = False

    @abstractmethod
    def values(self, target: Target, scores: Scores) -> Scores:
        """Return the loss of each row, (n,). May raise MetricUnavailable."""

    def of_mean(self, mean: float) -> float:
        """Turn the mean into the metric; as it stands it is the mean itself."""
        return mean

    def weighted(self, target: Target, scores: Scores) -> Weighted:
        """Find the loss of each row once; each call is one product."""
        values = self.values(target, scores)

        def mean(weights: Weights) -> float:
            return self.of_mean(summed(weights, values) / float(weights.sum()))

        return mean
