"""Gates that hold what a version costs to keep against a bound, and against another version."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar, Self

from pydantic import Field, model_validator

from ml_platform.evaluation.baseline import Costs
from ml_platform.exceptions import MLPlatformError
from ml_platform.gates.evidence import EvaluationEvidence, Runtime, Runtimes
from ml_platform.gates.gate import Gate, Stage
from ml_platform.gates.result import GateRecord, GateResult, Verdict


class ByteBound(Gate[EvaluationEvidence]):
    """Fails above `max_bytes`, or above the champion by more than `max_increase`.

    max_bytes: the most that passes.
    max_increase: the same relative to the accepted baseline where one has this figure, else to the
        champion: 0.2 lets 20 % more pass. With neither it passes as first release.
    """

    stage: ClassVar[Stage] = Stage.EVALUATION_REPORT
    what: ClassVar[str]
    """What is measured, for people."""

    max_bytes: int | None = Field(default=None, gt=0)
    max_increase: float | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.max_bytes is None and self.max_increase is None:
            raise ValueError("declare max_bytes, max_increase, or both")
        return self

    @property
    def compares(self) -> bool:
        """Where the increase is bounded."""
        return self.max_increase is not None

    @abstractmethod
    def measure(self, runtimes: Sequence[Runtime]) -> list[int]:
        """Return the bytes of each version. Raises MLPlatformError when it cannot."""

    def judge(self, evidence: EvaluationEvidence) -> GateResult:
        """Measure the candidate, and the champion where it is compared."""
        if evidence.runtimes is None:
            return GateResult(
                verdict="inconclusive", reason="the versions were not given to the gate"
            )
        runtimes, accepted = evidence.runtimes(), self.accepted(evidence.costs)
        compared = self.max_increase is not None and accepted is None
        champion = runtimes.champion if compared else None
        try:
            measured = self.measure([r for r in (runtimes.candidate, champion) if r is not None])
        except MLPlatformError as error:
            reason = f"the {self.what} cannot be measured: {error}"
            return GateResult(verdict="inconclusive", reason=reason)
        return self._result(runtimes, measured, accepted)

    def _result(self, runtimes: Runtimes, measured: list[int], accepted: int | None) -> GateResult:
        own, *others = measured
        reference = next(iter(others), accepted)
        bounds = [] if self.max_bytes is None else [float(self.max_bytes)]
        if self.max_increase is not None and reference is not None:
            bounds.append(reference * (1 + self.max_increase))
        bound = min(bounds, default=None)
        verdict: Verdict = "failed" if bound is not None and own > bound else "passed"
        unknown = self.max_increase is not None and reference is None and runtimes.problem
        if verdict == "passed" and unknown:
            verdict = "inconclusive"
        told = f"the {self.what} is {told_bytes(own)}"
        limit = "" if bound is None else f", the bound {told_bytes(bound)}"
        return GateResult(
            verdict=verdict,
            value=float(own),
            bound=bound,
            reason=f"{told}{limit}{self._compared(runtimes, own, others, accepted)}",
            details={
                "candidate": own,
                "champion": others[0] if others else None,
                "champion_version": runtimes.champion and runtimes.champion.version,
                "accepted": accepted,
            },
        )

    def _compared(
        self, runtimes: Runtimes, own: int, others: list[int], accepted: int | None
    ) -> str:
        if self.max_increase is None:
            return ""
        if accepted is not None:
            return f"; {own / accepted - 1:+.1%} against the accepted baseline"
        if runtimes.problem:
            return f"; the champion cannot be compared: {runtimes.problem}"
        if runtimes.champion is None:
            return "; no champion to compare with: first release"
        change = own / others[0] - 1 if others[0] else 0.0
        return f"; {change:+.1%} against version {runtimes.champion.version}"


def measured_costs(records: Iterable[GateRecord]) -> Costs:
    """What the gates of a certificate measured of its version's cost."""
    details = {record.check: record.result.details for record in records}
    return Costs(
        model_bytes=details.get("model_size", {}).get("candidate"),
        resident_bytes=details.get("memory", {}).get("candidate"),
        p95_ms={
            row["batch"]: row["candidate_p95_ms"]
            for row in details.get("latency", {}).get("batches", ())
        },
    )


def told_bytes(count: float) -> str:
    """For people: `3.2 MB`."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"
