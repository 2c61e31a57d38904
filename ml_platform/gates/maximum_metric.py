"""The gate `maximum_metric`."""

from typing import ClassVar, Literal

from ml_platform.evaluation.report import MetricValue
from ml_platform.gates.bounds import MetricBound
from ml_platform.gates.gate import GATES
from ml_platform.gates.result import Verdict


@GATES.register
class MaximumMetric(MetricBound):
    """Reject a candidate whose error lies above a ceiling.

    ceiling: the most that passes.
    on: `value`, or `upper_bound` to be sure of it at the evaluation's confidence.
    """

    wants_greater: ClassVar[bool] = False
    instead: ClassVar[str] = "minimum_metric"

    type: Literal["maximum_metric"] = "maximum_metric"
    ceiling: float
    on: Literal["value", "upper_bound"] = "value"

    @property
    def bound(self) -> float:
        """The ceiling."""
        return self.ceiling

    def measured(self, metric: MetricValue) -> float | None:
        """The value or the upper end of its interval."""
        return metric.value if self.on == "value" else metric.high

    def verdict(self, value: float) -> tuple[Verdict, str]:
        """At most the ceiling passes."""
        end = "" if self.on == "value" else "(upper bound) "
        if value <= self.ceiling:
            return "passed", f"{end}keeps under the ceiling"
        return "failed", f"{end}is above the ceiling"
