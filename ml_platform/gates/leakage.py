"""The gate `leakage`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import pandas as pd
from pydantic import Field

from ml_platform.exceptions import MLPlatformError
from ml_platform.gates.evidence import TrainingEvidence
from ml_platform.gates.gate import GATES, Gate, Stage
from ml_platform.gates.lone_feature import LoneFeature, lone_features
from ml_platform.gates.result import GateResult, Verdict

SHOWN = 5


@dataclass(frozen=True)
class _Finding:
    """What speaks against the data, and the number that it rests on."""

    verdict: Verdict
    reason: str
    value: float | None
    bound: float
    interval: tuple[float, float] | None = None


@GATES.register
class Leakage(Gate[TrainingEvidence]):
    """Stop before training when the answer leaks: through one feature, or through the split.

    A feature that alone ranks the holdout nearly perfectly was probably known only afterwards.
    A holdout row that is also a training row, in all columns but the id, is no test.
    max_single_feature_auc: the most that one feature may reach; for more than two classes the
        mean over them, for a number that of telling its upper half.
    max_duplicates: the share of holdout rows that may be training rows as well.
    """

    stage: ClassVar[Stage] = Stage.TRAINED_MODEL

    type: Literal["leakage"] = "leakage"
    max_single_feature_auc: float = Field(default=0.98, gt=0.5, le=1)
    max_duplicates: float = Field(default=0.01, ge=0, le=1)

    def judge(self, evidence: TrainingEvidence) -> GateResult:
        """Look at each feature alone, and at the rows that both parts have."""
        holdout = evidence.holdout
        if holdout is None or evidence.features is None:
            reason = "training and holdout rows were not given to the gate"
            return GateResult(verdict="inconclusive", reason=reason)
        if not len(holdout) or not len(evidence.frame):
            reason = f"{len(evidence.frame):,} training and {len(holdout):,} holdout rows"
            return GateResult(verdict="inconclusive", rows=len(holdout), reason=reason)
        try:
            found = lone_features(evidence, holdout, evidence.features)
        except MLPlatformError as error:
            reason = f"the features cannot be looked at: {error}"
            return GateResult(verdict="inconclusive", rows=len(holdout), reason=reason)
        share = _repeated(evidence, holdout)
        findings = [*self._features(found), *self._duplicates(share, len(holdout))]
        return self._result(findings, found, share, len(holdout))

    def _features(self, found: list[LoneFeature] | str) -> Iterator[_Finding]:
        if isinstance(found, str):
            yield _Finding("inconclusive", found, None, self.max_single_feature_auc)
            return
        for feature in found:
            if feature.low > self.max_single_feature_auc:
                yield self._of(feature, "failed", "alone: is it known in time?")
            elif feature.auc > self.max_single_feature_auc:
                yield self._of(feature, "inconclusive", "alone, on too few rows to be sure")

    def _of(self, feature: LoneFeature, verdict: Verdict, words: str) -> _Finding:
        bound, interval = self.max_single_feature_auc, (feature.low, feature.high)
        return _Finding(verdict, f"{feature.text} {words}", feature.auc, bound, interval)

    def _duplicates(self, share: float, rows: int) -> Iterator[_Finding]:
        if share > self.max_duplicates:
            count = round(share * rows)
            text = f"{count:,} of {rows:,} holdout rows are training rows too"
            yield _Finding("failed", text, share, self.max_duplicates)

    def _result(
        self, findings: list[_Finding], found: list[LoneFeature] | str, share: float, rows: int
    ) -> GateResult:
        features = [] if isinstance(found, str) else found
        said = {finding.verdict for finding in findings}
        verdict: Verdict = "failed" if "failed" in said else "inconclusive" if said else "passed"
        told = [finding for finding in findings if finding.verdict == verdict]
        told = told or [self._passed(features, share)]
        return GateResult(
            verdict=verdict,
            value=told[0].value,
            bound=told[0].bound,
            interval=told[0].interval,
            rows=rows,
            reason="; ".join(finding.reason for finding in told[:SHOWN]),
            details={
                "repeated_rows": share,
                "features": [{"feature": f.name, "auc": f.auc} for f in features[:20]],
            },
        )

    def _passed(self, features: list[LoneFeature], share: float) -> _Finding:
        repeated = f"{share:.2%} repeated rows"
        if features:
            return self._of(features[0], "passed", f"alone, more than any other; {repeated}")
        text = f"there is no feature to look at; {repeated}"
        return _Finding("passed", text, None, self.max_single_feature_auc)


def _repeated(evidence: TrainingEvidence, holdout: pd.DataFrame) -> float:
    """The share of holdout rows that equal a training row in every column but the id.

    Numbers are compared first, and all columns, whose text costs more, of those that have a twin.
    """
    columns = [name for name in holdout.columns if name != evidence.id]
    parts = evidence.frame[columns], holdout[columns]
    numbers = [name for name in columns if pd.api.types.is_numeric_dtype(holdout[name].dtype)]
    for chosen in (numbers, columns):
        if chosen:
            before, now = (_hashes(part[chosen]) for part in parts)
            parts = parts[0][before.isin(now)], parts[1][now.isin(before)]
    return len(parts[1]) / len(holdout)


def _hashes(frame: pd.DataFrame) -> pd.Series:
    return pd.util.hash_pandas_object(frame, index=False)
