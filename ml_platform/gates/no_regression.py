"""The gate `no_regression`."""

from typing import Literal

from pydantic import Field

from ml_platform.evaluation.estimates import Estimate
from ml_platform.gates.compared import ComparingGate
from ml_platform.gates.evidence import ChampionEvidence, EvaluationEvidence
from ml_platform.gates.gate import GATES
from ml_platform.gates.opponent import (
    Rows,
    margin_or_reason,
    metric_for,
    rows_against,
    rows_of,
    told_overlap,
)
from ml_platform.gates.result import GateResult, Verdict
from ml_platform.gates.tolerance import rows_to_tell, verdict_of

_BESIDE_CHAMPION = "beside_champion"

WORDS: dict[Verdict, str] = {
    "passed": "no worse than",
    "failed": "worse than",
    "inconclusive": "not told apart from",
}


@GATES.register
class NoRegression(ComparingGate):
    """Reject a candidate that is worse than the champion on the same rows of the holdout.

    It fails when worse is proven and the drop exceeds the tolerance; it passes when the drop is
    within the tolerance and twice the tolerance is excluded; else the rows are too few and it is
    inconclusive. At 95 % an equal candidate fails, and one worse by twice the tolerance passes,
    at most 2.5 % of the time. Compares with the accepted baseline where there is one, taken as
    exact; passes as first release where there is neither. Rows that the champion was trained on
    are left out. The rule and its source stand in `gates.tolerance`.

    tolerance: the drop that is accepted, in units of the metric.
    """

    type: Literal["no_regression"] = "no_regression"
    tolerance: float = Field(gt=0)

    @property
    def compares(self) -> bool:
        """Always."""
        return True

    def judge(self, evidence: EvaluationEvidence) -> GateResult:
        """Compare with the baseline, else with the champion."""
        champion, accepted = evidence.champion, evidence.baseline.get(self.metric)
        beside = None if champion is None else self._beside(champion, evidence)
        if accepted is not None:
            against = f"the accepted baseline {accepted:.4g}"
            result = self._compare(evidence, rows_of(evidence), against, reference=accepted)
            kept = {} if beside is None else {_BESIDE_CHAMPION: beside.model_dump(mode="json")}
            return result.model_copy(update={"details": kept})
        if beside is None:
            return GateResult(
                verdict="passed", reason="first release: there is no champion to compare with"
            )
        return beside

    def _beside(self, champion: ChampionEvidence, evidence: EvaluationEvidence) -> GateResult:
        against = f"version {champion.version}, the champion"
        result = self._compare(evidence, rows_against(champion, evidence), against)
        return result.model_copy(update={"reason": result.reason + told_overlap(champion)})

    def _compare(
        self,
        evidence: EvaluationEvidence,
        rows: Rows | str,
        against: str,
        *,
        reference: float = 0.0,
    ) -> GateResult:
        if isinstance(rows, str):
            return self._cannot_tell(rows, None)
        metric = metric_for(evidence, self.metric)
        how = self.measuring(evidence.seed)
        margin = margin_or_reason(rows, metric, how, reference=reference)
        if isinstance(margin, str):
            reason = f"{self.metric} cannot be compared with {against}: {margin}"
            return self._cannot_tell(reason, len(rows.target))
        verdict = verdict_of(margin, tolerance=self.tolerance)
        return GateResult(
            verdict=verdict,
            value=margin.value,
            bound=-self.tolerance,
            interval=margin.interval,
            rows=margin.rows,
            reason=self._reason(margin, verdict, against),
        )

    def _reason(self, margin: Estimate, verdict: Verdict, against: str) -> str:
        low, high = margin.interval
        told = (
            f"{self.metric} is {WORDS[verdict]} {against}: {told_margin(margin.value)} "
            f"[{low:+.4f}, {high:+.4f}] with tolerance {self.tolerance:g} (n={margin.rows:,})"
        )
        needed = rows_to_tell(margin, tolerance=self.tolerance)
        if verdict == "inconclusive" and needed is not None:
            told += f"; about {needed:,} rows would tell"
        return told

    def _cannot_tell(self, reason: str, rows: int | None) -> GateResult:
        return GateResult(verdict="inconclusive", bound=-self.tolerance, rows=rows, reason=reason)


def beside_champion(result: GateResult) -> GateResult:
    """What a result of the gate says of the champion, also where the verdict is on a baseline."""
    kept = result.details.get(_BESIDE_CHAMPION)
    return result if kept is None else GateResult.model_validate(kept)


def told_margin(value: float) -> str:
    """Say how much better or worse.

    >>> told_margin(-0.0123)
    'worse by 0.0123'
    """
    return "equal" if value == 0 else f"{'better' if value > 0 else 'worse'} by {abs(value):.4f}"
