"""What a metric is."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ml_platform.plugins import Plugin, Registry
from ml_platform.task import Task


class Metric(Plugin, ABC):
    """One number that says how good scores are. In YAML a bare name means `{type: name}`."""

    tasks: ClassVar[frozenset[Task]]
    greater_is_better: ClassVar[bool] = True

    @property
    def key(self) -> str:
        """Unique name, such as `roc_auc` or `precision_at_5`; gates refer to it."""
        return self.type

    @abstractmethod
    def measure(self, target: NDArray[np.generic], scores: NDArray[np.float64]) -> float:
        """Measure encoded targets (n,) against scores (shapes as in `Task`).

        Raises MetricUnavailable where the metric is not defined; never returns NaN.
        """


METRICS = Registry("metric", Metric, package="ml_platform.evaluation.metrics")
