"""The gate `fairness`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from ml_platform.evaluation.estimates import Estimate
from ml_platform.evaluation.group_rates import Measure, Rates, compare_groups, rates_by_group
from ml_platform.evaluation.multiple import Correction
from ml_platform.gates.evidence import EvaluationEvidence
from ml_platform.gates.gate import GATES, Gate, Stage
from ml_platform.gates.parts import SHOWN, JudgedPart, Part, judge_parts, told_row, worst
from ml_platform.gates.result import GateResult, Verdict
from ml_platform.gates.sliced import name_of_column, slices_in
from ml_platform.gates.tolerance import overall
from ml_platform.task import Task

USUAL: Mapping[Measure, float] = {
    "disparate_impact": 0.8,
    "demographic_parity": 0.1,
    "equalized_odds": 0.1,
}
"""The four-fifths rule (29 CFR 1607.4 D), and a tenth for differences."""

WORDS: Mapping[Verdict, str] = {
    "passed": "keeps the bound",
    "failed": "is proven to break the bound",
    "inconclusive": "cannot be told from the bound",
}


@GATES.register
class Fairness(Gate[EvaluationEvidence]):
    """Reject a candidate that treats the groups of a sensitive attribute too differently.

    disparate_impact: least ratio of two groups' selection rates (shares decided positive).
    demographic_parity: greatest difference of two groups' selection rates.
    equalized_odds: greatest difference of two groups' true or false positive rates.

    These are fairlearn's demographic_parity_ratio, demographic_parity_difference and
    equalized_odds_difference. Over several groups the extreme is never 0, by noise alone, and an
    interval of it would call fair models unfair. So every two groups have an interval
    (`evaluation.proportions`), and all pairs are judged together by the rule of
    `gates.tolerance`: at 95 % the gate fails at most 2.5 % of the time where all pairs keep the
    bound, and passes at most 2.5 % of the time where one breaks it (by twice the tolerance).

    attribute: a column of the contract.
    measure: one of the three.
    bound: least ratio (0.8 unless told) or greatest difference (0.1 unless told).
    tolerance: how far beyond the bound a pair may lie.
    confidence: of the verdict over all pairs together.
    correction: how the number of pairs is accounted for.
    min_rows: a group with fewer rows for a rate is not judged by it.
    below_min_rows: whether such groups make the gate inconclusive, or are only told.
    """

    stage: ClassVar[Stage] = Stage.EVALUATION_REPORT
    tasks: ClassVar[tuple[Task, ...]] = (Task.BINARY,)
    needs_rows: ClassVar[bool] = True

    type: Literal["fairness"] = "fairness"
    attribute: str
    measure: Measure
    bound: float | None = Field(default=None, gt=0, le=1)
    tolerance: float = Field(default=0.0, ge=0, lt=0.5)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    min_rows: int = Field(default=100, ge=20)
    below_min_rows: Literal["inconclusive", "ignore"] = "inconclusive"
    correction: Correction = "holm"

    @property
    def check_name(self) -> str:
        """`fairness_<measure>_<attribute>`."""
        return f"{super().check_name}_{self.measure}_{name_of_column(self.attribute)}"

    @property
    def divides_by(self) -> tuple[str, ...]:
        """The attribute."""
        return (self.attribute,)

    @property
    def limit(self) -> float:
        """The bound in force."""
        return USUAL[self.measure] if self.bound is None else self.bound

    @property
    def sign(self) -> int:
        """-1 where less is better."""
        return 1 if self.measure == "disparate_impact" else -1

    def judge(self, evidence: EvaluationEvidence) -> GateResult:
        """Compare every two groups."""
        frame, target, scores = evidence.holdout, evidence.target, evidence.scores
        if evidence.evaluation.task is not Task.BINARY:
            return self._cannot_tell(f"{self.measure} is for task binary")
        if frame is None or target is None or scores is None:
            return self._cannot_tell("the rows of the holdout were not given to the gate")
        if self.attribute not in frame.columns:
            return self._cannot_tell(f"the holdout has no column {self.attribute!r}")
        rates = rates_by_group(
            list(slices_in(frame, (self.attribute,))),
            target,
            scores >= evidence.threshold,
            measure=self.measure,
            min_rows=self.min_rows,
        )
        parts = [part for rate in rates for part in self._parts(rate)]
        judged = judge_parts(parts, tolerance=self.tolerance, correction=self.correction)
        return self._result(judged, rates)

    def _parts(self, rates: Rates) -> Iterator[Part]:
        pairs = compare_groups(
            rates, measure=self.measure, bound=self.limit, confidence=self.confidence
        )
        for pair in pairs:
            if pair.value is None:
                yield Part(pair.name, pair.rows, problem="nobody is decided positive")
                continue
            found = Estimate(
                pair.value, pair.low, pair.high, self.confidence, pair.rows, pair.support
            ).minus(self.limit)
            margin = found if self.sign > 0 else found.negated()
            yield Part(pair.name, pair.rows, margin, chance=pair.chance)

    def _result(self, judged: Sequence[JudgedPart], rates: Sequence[Rates]) -> GateResult:
        small = [each for rate in rates for each in rate.small]
        alone = [rate.rate for rate in rates if len(rate.groups) < 2]
        verdict = overall([each.verdict for each in judged])
        if verdict == "passed" and (alone or (small and self.below_min_rows == "inconclusive")):
            verdict = "inconclusive"
        deciding = worst(judged)
        row: dict[str, Any] = {} if deciding is None else deciding.row(self.limit, self.sign)
        return GateResult(
            verdict=verdict,
            value=row.get("value"),
            bound=self.limit,
            interval=(row["low"], row["high"]) if row else None,
            rows=row.get("rows"),
            reason=self._reason(judged, small, alone),
            details={
                "pairs": [each.row(self.limit, self.sign) for each in judged],
                "too_small": small,
            },
        )

    def _reason(
        self, judged: Sequence[JudgedPart], small: Sequence[str], alone: Sequence[str]
    ) -> str:
        verdict = overall([each.verdict for each in judged])
        rows = [each.row(self.limit, self.sign) for each in judged if each.verdict == verdict]
        shown = rows[: 1 if verdict == "passed" else SHOWN]
        parts = (
            [f"{self.measure} by {self.attribute} {WORDS[verdict]} {self.limit:g}"] if rows else []
        )
        parts += [told_row(row) for row in shown]
        if len(rows) > SHOWN and verdict != "passed":
            parts.append(f"and {len(rows) - SHOWN} pairs more")
        parts += [f"fewer than two groups have {self.min_rows:,} rows for the {r}" for r in alone]
        if small:
            listed = ", ".join(small[:SHOWN]) + (", ..." if len(small) > SHOWN else "")
            parts.append(f"under {self.min_rows:,} rows and not judged: {listed}")
        return "; ".join(parts)

    def _cannot_tell(self, reason: str) -> GateResult:
        return GateResult(verdict="inconclusive", bound=self.limit, reason=reason)
