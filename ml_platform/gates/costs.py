"""Gates that hold what a version costs to keep against a bound, and against the champion."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Self

from pydantic import Field, model_validator

from ml_platform.exceptions import MLPlatformError
from ml_platform.gates.evidence import EvaluationEvidence, Runtime, Runtimes
from ml_platform.gates.gate import Gate, Stage
from ml_platform.gates.result import GateResult, Verdict


class ByteBound(Gate[EvaluationEvidence]):
    """Fails above `max_bytes`, or above the champion by more than `max_increase`.

    max_bytes: the most that passes.
    max_increase: the same relative to the champion: 0.2 lets 20 % more pass. Without a champion
        it passes as first release.
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

    @abstractmethod
    def measure(self, runtimes: Sequence[Runtime]) -> list[int]:
        """Return the bytes of each version. Raises MLPlatformError when it cannot."""

    def judge(self, evidence: EvaluationEvidence) -> GateResult:
        """Measure the candidate, and the champion where it is compared."""
        if evidence.runtimes is None:
            return GateResult(
                verdict="inconclusive", reason="the versions were not given to the gate"
            )
        runtimes = evidence.runtimes()
        champion = None if self.max_increase is None else runtimes.champion
        try:
            measured = self.measure([r for r in (runtimes.candidate, champion) if r is not None])
        except MLPlatformError as error:
            reason = f"the {self.what} cannot be measured: {error}"
            return GateResult(verdict="inconclusive", reason=reason)
        return self._result(runtimes, measured)

    def _result(self, runtimes: Runtimes, measured: list[int]) -> GateResult:
        own, *others = measured
        bounds = [] if self.max_bytes is None else [float(self.max_bytes)]
        if self.max_increase is not None and others:
            bounds.append(others[0] * (1 + self.max_increase))
        bound = min(bounds, default=None)
        verdict: Verdict = "failed" if bound is not None and own > bound else "passed"
        if verdict == "passed" and self.max_increase is not None and runtimes.problem:
            verdict = "inconclusive"
        told = f"the {self.what} is {told_bytes(own)}"
        limit = "" if bound is None else f", the bound {told_bytes(bound)}"
        return GateResult(
            verdict=verdict,
            value=float(own),
            bound=bound,
            reason=f"{told}{limit}{self._compared(runtimes, own, others)}",
            details={
                "candidate": own,
                "champion": others[0] if others else None,
                "champion_version": runtimes.champion and runtimes.champion.version,
            },
        )

    def _compared(self, runtimes: Runtimes, own: int, others: list[int]) -> str:
        if self.max_increase is None:
            return ""
        if runtimes.problem:
            return f"; the champion cannot be compared: {runtimes.problem}"
        if runtimes.champion is None:
            return "; no champion to compare with: first release"
        change = own / others[0] - 1 if others[0] else 0.0
        return f"; {change:+.1%} against version {runtimes.champion.version}"


def told_bytes(count: float) -> str:
    """For people: `3.2 MB`."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"
