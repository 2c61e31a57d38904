"""The gate `slice_no_regression`."""

from typing import Literal

from pydantic import Field

from ml_platform.gates.evidence import EvaluationEvidence
from ml_platform.gates.gate import GATES
from ml_platform.gates.opponent import Rows, rows_against, told_overlap
from ml_platform.gates.result import GateResult, Verdict
from ml_platform.gates.sliced import SlicedGate


@GATES.register
class SliceNoRegression(SlicedGate):
    """Reject a candidate that is worse than the champion in any slice of the holdout.

    Each slice is judged as by `no_regression`, on the same rows. At 95 % the gate fails at most
    2.5 % of the time where the candidate is equal in all slices, however many they are, and
    passes at most 2.5 % of the time where it is worse in one by twice the tolerance. Passes as
    first release without a champion.

    tolerance: the drop that is accepted in a slice, in units of the metric.
    """

    type: Literal["slice_no_regression"] = "slice_no_regression"
    tolerance: float = Field(gt=0)

    def rows_to_judge(self, evidence: EvaluationEvidence) -> Rows | GateResult:
        """The rows that candidate and champion are compared on."""
        if evidence.champion is None:
            return GateResult(
                verdict="passed", reason="first release: there is no champion to compare with"
            )
        rows = rows_against(evidence.champion, evidence)
        return self.cannot_tell(rows) if isinstance(rows, str) else rows

    def judge(self, evidence: EvaluationEvidence) -> GateResult:
        """Judge the slices; say when the champion was trained on some of the rows."""
        result = super().judge(evidence)
        told = "" if evidence.champion is None else told_overlap(evidence.champion)
        return result.model_copy(update={"reason": result.reason + told})

    @property
    def reference(self) -> float:
        """No number: the champion's metric of the same rows."""
        return 0.0

    @property
    def tolerance_allowed(self) -> float:
        """As declared."""
        return self.tolerance

    @property
    def bound(self) -> float:
        """The tolerance, on the side of worse."""
        return -self.tolerance

    def words(self, verdict: Verdict) -> str:
        """How slices of that verdict stand to the champion."""
        return {
            "passed": "is no worse than the champion's",
            "failed": "is worse than the champion's",
            "inconclusive": "cannot be told from the champion's",
        }[verdict]
