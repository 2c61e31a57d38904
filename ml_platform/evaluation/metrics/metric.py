"""What a metric is."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ml_platform.exceptions import MetricUnavailable
from ml_platform.plugins import Plugin, Registry
from ml_platform.task import Task

Target = NDArray[np.generic]
Scores = NDArray[np.float64]
Weights = NDArray[np.float64]
Weighted = Callable[[Weights], float]
"""Measures the same rows under other weights, each how often its row was drawn, (n,)."""


class Metric(Plugin, ABC):
    """One number that says how good scores are. In YAML a bare name means `{type: name}`."""

    tasks: ClassVar[frozenset[Task]]
    greater_is_better: ClassVar[bool] = True

    @property
    def key(self) -> str:
        """Unique name of letters, digits and `_`, such as `precision_at_5`; gates refer to it."""
        return self.type.rpartition(":")[2]

    @classmethod
    def of_key(cls, key: str) -> "Metric | None":
        """Return the metric of that key where the key tells all, for example `roc_auc`."""
        needs = [name for name, field in cls.model_fields.items() if field.is_required()]
        return cls() if key == cls.model_fields["type"].default and not needs else None  # pyright: ignore[reportCallIssue]

    @abstractmethod
    def measure(self, target: Target, scores: Scores) -> float:
        """Measure encoded targets (n,) against scores (shapes as in `Task`).

        Raises MetricUnavailable where the metric is not defined; never returns NaN.
        """

    def carried_by(self, target: Target, scores: Scores) -> int | None:
        """Of a share, from 0 to 1: how many rows it is a share of; None of anything else.

        Where every resample of the rows gives the same value, the interval is that of a share of
        so many rows; of a metric that is no share there is none then. Of a mean of shares it is
        the number behind the one of the fewest.
        """
        del target, scores

    def weighted(self, target: Target, scores: Scores) -> Weighted:
        """Prepare to measure many resamples of these rows; see `evaluation.bootstrap`.

        As it stands each resample is laid out and measured. A metric that can sort or sum once
        and then only reweight is a `WeightedMetric`.
        """
        positions = np.arange(len(target))

        def measure(weights: Weights) -> float:
            drawn = np.repeat(positions, weights.astype(np.int64))
            return self.measure(target[drawn], scores[drawn])

        return measure


class WeightedMetric(Metric):
    """A metric that is told by weights: prepared once, each resample costs little."""

    @abstractmethod
    def weighted(self, target: Target, scores: Scores) -> Weighted:
        """Prepare the rows; the function returned raises MetricUnavailable as `measure` does."""

    def measure(self, target: Target, scores: Scores) -> float:
        """Measure the rows, each once."""
        if len(target) == 0:
            raise MetricUnavailable(self.key, reason="there are no rows")
        if not np.isfinite(scores).all():
            raise MetricUnavailable(self.key, reason="some scores are not finite")
        return self.weighted(target, scores)(np.ones(len(target)))


def written(number: float) -> str:
    """Write a number as it stands in a key: 5, 0_5 for 0.5.

    >>> written(2.50)
    '2_5'
    """
    return f"{number:.9f}".rstrip("0").rstrip(".").replace(".", "_")


def read_number(text: str) -> float | None:
    """Read what `written` wrote; None when it is no such number."""
    plain = text.replace("_", ".", 1)
    return float(plain) if plain.replace(".", "", 1).isdecimal() else None


METRICS = Registry("metric", Metric, package="ml_platform.evaluation.metrics")
