"""The gate `latency`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, ClassVar, Literal, Self, get_args

from pydantic import Field, model_validator

from ml_platform.evaluation.baseline import Costs
from ml_platform.exceptions import MLPlatformError
from ml_platform.gates.evidence import EvaluationEvidence, Runtimes
from ml_platform.gates.gate import GATES, Gate, Stage
from ml_platform.gates.result import GateResult, Verdict
from ml_platform.gates.timing import Figure, Timing, time_interleaved

CONFIDENCE = 0.99
FIGURES: tuple[Figure, ...] = get_args(Figure)

Bound = Annotated[float, Field(gt=0)]
Bounds = Bound | Annotated[dict[int, Bound], Field(min_length=1)]


@GATES.register
class Latency(Gate[EvaluationEvidence]):
    """Time the serving predictor itself, records in and answers out, in batches of several sizes.

    Candidate and champion are timed in turns in the same process, so that a noisy machine slows
    both alike; their ratio is judged by its interval.
    mean_ms: the most that a call may take on average; a number bounds the first batch size,
        `{1: 5, 64: 20}` those that it names.
    p95_ms: the same for 95 % of the calls.
    p99_ms: the same for 99 % of the calls.
    max_increase: how much slower than the champion the median of paired calls may be, or, where an
        accepted baseline has a p95, how much longer than that the p95: 0.2 lets 20 % pass. With
        neither it passes as first release.
    batches: records a call.
    seconds: for all the measuring.
    """

    stage: ClassVar[Stage] = Stage.EVALUATION_REPORT
    noisy: ClassVar[bool] = True

    type: Literal["latency"] = "latency"
    mean_ms: Bounds | None = None
    p95_ms: Bounds | None = None
    p99_ms: Bounds | None = None
    max_increase: float | None = Field(default=None, ge=0)
    batches: tuple[int, ...] = Field(default=(1, 16, 64, 256), min_length=1)
    seconds: float = Field(default=0.4, gt=0, le=60)

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if min(self.batches) < 1:
            raise ValueError("a batch has at least one record")
        declared = {f"{name}_ms": self._bounds(name) for name in FIGURES}
        if self.max_increase is None and not any(declared.values()):
            raise ValueError("declare mean_ms, p95_ms, p99_ms or max_increase, or several of them")
        for field, bounds in declared.items():
            unknown = sorted(bounds.keys() - set(self.batches))
            if unknown:
                valid = ", ".join(map(str, self.batches))
                raise ValueError(f"{field} bounds batches of {unknown[0]}, not timed ({valid} are)")
        return self

    def _bounds(self, name: Figure) -> Mapping[int, float]:
        """The bounds of a figure by the size of the batch."""
        declared: float | dict[int, float] | None = getattr(self, f"{name}_ms")
        if declared is None:
            return {}
        return declared if isinstance(declared, dict) else {self.batches[0]: declared}

    @property
    def compares(self) -> bool:
        """Where the increase is bounded."""
        return self.max_increase is not None

    def accepted(self, costs: Costs) -> dict[str, float] | None:
        """The p95 by the size of the batch, where the increase is bounded."""
        if self.max_increase is None or not costs.p95_ms:
            return None
        return {str(batch): p95 for batch, p95 in costs.p95_ms.items()}

    def judge(self, evidence: EvaluationEvidence) -> GateResult:
        """Measure every batch size, then hold what is declared against its bound."""
        if evidence.runtimes is None:
            return GateResult(
                verdict="inconclusive", reason="the versions were not given to the gate"
            )
        runtimes = evidence.runtimes()
        if not runtimes.records:
            return GateResult(verdict="inconclusive", reason="there is no record to predict")
        accepted = self.accepted(evidence.costs)
        compared = self.max_increase is not None and accepted is None
        champion = runtimes.champion if compared else None
        try:
            timings = time_interleaved(
                runtimes.candidate.predict,
                None if champion is None else champion.predict,
                runtimes.records,
                batches=self.batches,
                seconds=self.seconds,
            )
        except MLPlatformError as error:
            reason = f"the predictor cannot answer: {error}"
            return GateResult(verdict="inconclusive", reason=reason)
        return self._result(timings, runtimes, accepted)

    def _result(
        self, timings: Sequence[Timing], runtimes: Runtimes, accepted: Mapping[str, float] | None
    ) -> GateResult:
        relative = self._relative(timings, runtimes) if accepted is None else ()
        absolute = (each for timing in timings for each in self._absolute(timing))
        found = [*absolute, *relative]
        if accepted is not None:
            found += [self._above(timing, accepted.get(str(timing.batch))) for timing in timings]
        verdict: Verdict = "passed"
        for worse in ("inconclusive", "failed"):
            if any(each == worse for each, _ in found):
                verdict = worse
        texts = [text for each, text in found if each == verdict]
        value, low, high = timings[0].figure("p95")
        return GateResult(
            verdict=verdict,
            value=value,
            bound=self._bounds("p95").get(timings[0].batch),
            interval=(low, high),
            rows=sum(timing.calls * timing.batch for timing in timings),
            reason="; ".join(texts),
            details={
                "batches": [timing.table for timing in timings],
                "champion_version": runtimes.champion and runtimes.champion.version,
                "accepted": accepted,
            },
        )

    def _absolute(self, timing: Timing) -> Iterator[tuple[Verdict, str]]:
        for name in FIGURES:
            bound = self._bounds(name).get(timing.batch)
            if bound is None:
                continue
            value, low, _ = timing.figure(name)
            text = f"{name} is {value:.3g} ms with batches of {timing.batch}"
            if low > bound:
                yield "failed", f"{text}, above the bound {bound:g} ms"
            elif value > bound:
                yield "inconclusive", f"{text}: too near the bound {bound:g} ms to tell"
            else:
                yield "passed", f"{text}, within {bound:g} ms"

    def _relative(
        self, timings: Sequence[Timing], runtimes: Runtimes
    ) -> Iterator[tuple[Verdict, str]]:
        if self.max_increase is None:
            return
        if runtimes.problem:
            yield "inconclusive", f"the champion cannot be compared: {runtimes.problem}"
        elif runtimes.champion is None:
            yield "passed", "no champion to compare with: first release"
        else:
            for timing in timings:
                yield self._increase(timing, runtimes.champion.version)

    def _increase(self, timing: Timing, champion: int) -> tuple[Verdict, str]:
        return self._held(timing, timing.increase(CONFIDENCE), f"version {champion}")

    def _above(self, timing: Timing, accepted: float | None) -> tuple[Verdict, str]:
        if accepted is None:
            return "inconclusive", f"the accepted baseline has no p95 for batches of {timing.batch}"
        value, low, high = timing.figure("p95")
        increase = (value / accepted - 1, low / accepted - 1, high / accepted - 1)
        return self._held(timing, increase, f"the accepted p95 of {accepted:.3g} ms")

    def _held(
        self, timing: Timing, increase: tuple[float, float, float], against: str
    ) -> tuple[Verdict, str]:
        value, low, high = increase
        text = f"{value:+.1%} [{low:+.1%}, {high:+.1%}] against {against}"
        text = f"batches of {timing.batch} take {text}, {self.max_increase:.0%} is allowed"
        bound = self.max_increase or 0.0
        if low > bound:
            return "failed", text
        return ("inconclusive" if value > bound else "passed"), text
