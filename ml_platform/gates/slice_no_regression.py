"""The gate `slice_no_regression`."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ml_platform.exceptions import MetricUnavailable
from ml_platform.gates.evidence import EvaluationEvidence
from ml_platform.gates.gate import GATES
from ml_platform.gates.opponent import Rows, metric_for, rows_against, rows_of, told_overlap
from ml_platform.gates.result import GateResult, Verdict
from ml_platform.gates.sliced import SlicedGate


@GATES.register
class SliceNoRegression(SlicedGate):
    """Reject a candidate that is worse than the champion in any slice of the holdout.

    Each slice is judged as by `no_regression`, on the same rows. At 95 % the gate fails at most
    2.5 % of the time where the candidate is equal in all slices, however many they are, and
    passes at most 2.5 % of the time where it is worse in one by twice the tolerance. A slice that
    the accepted baseline has a value for is compared with that, taken as exact, and not with the
    champion. Passes as first release where there is neither.

    tolerance: the drop that is accepted in a slice, in units of the metric.
    """

    type: Literal["slice_no_regression"] = "slice_no_regression"
    tolerance: float = Field(gt=0)

    @property
    def compares(self) -> bool:
        """Always."""
        return True

    def rows_to_judge(self, evidence: EvaluationEvidence) -> Rows | GateResult:
        """The rows that candidate and champion are compared on; all, without a champion."""
        if evidence.champion is None:
            rows = rows_of(evidence)
        else:
            rows = rows_against(evidence.champion, evidence)
            if isinstance(rows, str) and self._accepted(evidence):
                rows = rows_of(evidence)
        return self.cannot_tell(rows) if isinstance(rows, str) else rows

    def judge_rows(self, evidence: EvaluationEvidence) -> GateResult:
        """Judge the slices; say when the champion was trained on some of the rows."""
        if evidence.champion is None and not self._accepted(evidence):
            reason = "first release: there is no champion to compare with"
            result = GateResult(verdict="passed", reason=reason)
        else:
            result = super().judge_rows(evidence)
            told = "" if evidence.champion is None else told_overlap(evidence.champion)
            if self._accepted(evidence):
                told += "; slices of the accepted baseline are compared with it"
            result = result.model_copy(update={"reason": result.reason + told})
        details = {**result.details, "own": self._own(evidence)}
        return result.model_copy(update={"details": details})

    def _accepted(self, evidence: EvaluationEvidence) -> Mapping[str, float]:
        return evidence.accepted.get(self.metric, {})

    def rows_of_slice(
        self, name: str, places: NDArray[np.int64], rows: Rows, evidence: EvaluationEvidence
    ) -> Rows:
        """All rows of the slice against the baseline, else those that the champion has not seen."""
        every = rows_of(evidence)
        if name not in self._accepted(evidence) or isinstance(every, str):
            return rows.at(places)
        return every.at(places)

    def reference_of(self, name: str, rows: Rows, evidence: EvaluationEvidence) -> float | str:
        """The accepted value of the slice, else the champion's own."""
        accepted = self._accepted(evidence).get(name)
        if accepted is None and rows.others is None:
            return "neither the accepted baseline nor a champion has a value for it"
        return accepted or 0.0

    def _own(self, evidence: EvaluationEvidence) -> dict[str, float]:
        """The candidate's own metric in each slice: what a baseline is made of."""
        rows, frame = rows_of(evidence), evidence.holdout
        if isinstance(rows, str) or frame is None or not set(self.columns) <= set(frame.columns):
            return {}
        metric = metric_for(evidence, self.metric)
        found: dict[str, float] = {}
        for name, places in self.slices(frame):
            if len(places) >= self.min_rows:
                with suppress(MetricUnavailable):
                    found[name] = metric.measure(rows.target[places], rows.scores[places])
        return found

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
