"""The gate `slice_metric`."""

from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from ml_platform.evaluation.spec import metric_of_key
from ml_platform.exceptions import UnknownPlugin
from ml_platform.gates.evidence import EvaluationEvidence
from ml_platform.gates.gate import GATES
from ml_platform.gates.opponent import Rows, rows_of
from ml_platform.gates.result import GateResult, Verdict
from ml_platform.gates.sliced import SlicedGate


@GATES.register
class SliceMetric(SlicedGate):
    """Reject a candidate that is too bad in any slice of the holdout.

    It fails when a slice is proven to lie beyond the bound, by more than the tolerance; it passes
    when every slice keeps the bound by the tolerance and is proven to keep it by twice the
    tolerance (so with tolerance 0: is proven to keep it); else it is inconclusive. At 95 % it
    fails at most 2.5 % of the time where all slices keep the bound, however many they are, and
    passes at most 2.5 % of the time where one is beyond it by twice the tolerance.

    floor, ceiling: one of them, the floor for metrics that are better when greater.
    tolerance: how far beyond it a slice may lie, in units of the metric.
    """

    type: Literal["slice_metric"] = "slice_metric"
    floor: float | None = None
    ceiling: float | None = None
    tolerance: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _one_bound_that_fits(self) -> Self:
        if (self.floor is None) is (self.ceiling is None):
            raise PydanticCustomError("one_bound", "give either a floor or a ceiling")
        try:
            metric = metric_of_key(self.metric)
        except UnknownPlugin:
            return self
        if metric.greater_is_better is not (self.floor is not None):
            better, bound = (
                ("greater", "floor") if metric.greater_is_better else ("smaller", "ceiling")
            )
            raise PydanticCustomError(
                "metric_direction",
                "{metric} is better when {better}; give a `{bound}`",
                {"metric": self.metric, "better": better, "bound": bound},
            )
        return self

    def rows_to_judge(self, evidence: EvaluationEvidence) -> Rows | GateResult:
        """The whole holdout."""
        rows = rows_of(evidence)
        return self.cannot_tell(rows) if isinstance(rows, str) else rows

    @property
    def reference(self) -> float:
        """The floor or the ceiling."""
        return self.floor if self.floor is not None else self.ceiling or 0.0

    @property
    def tolerance_allowed(self) -> float:
        """As declared."""
        return self.tolerance

    @property
    def bound(self) -> float:
        """The floor or the ceiling."""
        return self.reference

    @property
    def sign(self) -> int:
        """Errors are better when smaller."""
        return 1 if self.floor is not None else -1

    def words(self, verdict: Verdict) -> str:
        """How slices of that verdict stand to the bound."""
        bound = f"the {'floor' if self.floor is not None else 'ceiling'} {self.reference:g}"
        beyond = "below" if self.floor is not None else "above"
        return {
            "passed": f"keeps {bound}",
            "failed": f"is proven {beyond} {bound}",
            "inconclusive": f"cannot be told from {bound}",
        }[verdict]
