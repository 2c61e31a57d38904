"""The gate `minimum_metric`."""

from typing import ClassVar, Literal

from ml_platform.evaluation.report import MetricValue
from ml_platform.gates.bounds import MetricBound
from ml_platform.gates.gate import GATES
from ml_platform.gates.result import Verdict


@GATES.register
class MinimumMetric(MetricBound):
    """Reject a candidate whose metric lies below a floor.

    floor: the least that passes.
    on: `value`, or `lower_bound` to be sure of it at the evaluation's confidence.
    """

    wants_greater: ClassVar[bool] = True
    instead: ClassVar[str] = "maximum_metric"

    type: Literal["minimum_metric"] = "minimum_metric"
    floor: float
    on: Literal["value", "lower_bound"] = "value"

    @property
    def bound(self) -> float:
        """The floor."""
        return self.floor

    def measured(self, metric: MetricValue) -> float | None:
        """The value or the lower end of its interval."""
        return metric.value if self.on == "value" else metric.low

    def verdict(self, value: float) -> tuple[Verdict, str]:
        """At least the floor passes."""
        end = "" if self.on == "value" else "(lower bound) "
        if value >= self.floor:
            return "passed", f"{end}reaches the floor"
        return "failed", f"{end}is below the floor"
