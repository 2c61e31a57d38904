"""The gate `load_test`."""

from typing import ClassVar, Literal

from pydantic import Field

from ml_platform.gates.evidence import ServiceEvidence
from ml_platform.gates.gate import GATES, Gate, Stage
from ml_platform.gates.load import Load, put_under_load
from ml_platform.gates.result import GateResult, Verdict

SHOWN = 5


@GATES.register
class LoadTest(Gate[ServiceEvidence]):
    """Ask the real service for one prediction after the other, from several clients at once.

    requests: in all.
    concurrency: clients, each with a connection of its own that it keeps.
    p95_ms: the most that 95 % of the answers may take, as the clients see it.
    max_error_rate: the share of requests that may be answered with anything but a prediction.
    """

    stage: ClassVar[Stage] = Stage.DEPLOYED_BENTO
    noisy: ClassVar[bool] = True

    type: Literal["load_test"] = "load_test"
    requests: int = Field(default=1000, ge=20, le=1_000_000)
    concurrency: int = Field(default=10, ge=1, le=200)
    p95_ms: float = Field(default=100.0, gt=0)
    max_error_rate: float = Field(default=0.0, ge=0, lt=1)

    def judge(self, evidence: ServiceEvidence) -> GateResult:
        """Fail for errors first, then for slowness."""
        if not evidence.url:
            reason = "the address of the service was not given to the gate"
            return GateResult(verdict="inconclusive", reason=reason)
        if not evidence.records:
            return GateResult(verdict="inconclusive", reason="there is no record to ask about")
        load = put_under_load(
            evidence.url,
            evidence.records,
            requests=self.requests,
            concurrency=self.concurrency,
        )
        return self.judge_load(load)

    def judge_load(self, load: Load) -> GateResult:
        """Judge what came of it."""
        verdict, reason = self._verdict(load)
        wrong = load.error_rate > self.max_error_rate
        return GateResult(
            verdict=verdict,
            value=load.error_rate if wrong else load.quantile_ms(0.95),
            bound=self.max_error_rate if wrong else self.p95_ms,
            interval=None if wrong else load.p95_interval,
            rows=self.requests,
            reason=reason,
            details={
                "error_rate": load.error_rate,
                "errors": list(load.errors[:SHOWN]),
                "requests_per_second": load.per_second,
                "p50_ms": load.quantile_ms(0.5),
                "p99_ms": load.quantile_ms(0.99),
                "concurrency": self.concurrency,
            },
        )

    def _verdict(self, load: Load) -> tuple[Verdict, str]:
        asked = f"of {self.requests:,} requests by {self.concurrency} clients"
        if load.error_rate > self.max_error_rate:
            first = load.errors[0]
            return "failed", f"{len(load.errors):,} {asked} got no prediction; the first: {first}"
        p95 = load.quantile_ms(0.95)
        if p95 is None or load.p95_interval is None:
            return "inconclusive", f"none {asked} got a prediction"
        text = f"p95 {asked} is {p95:.3g} ms"
        if load.p95_interval[0] > self.p95_ms:
            return "failed", f"{text}, above the bound {self.p95_ms:g} ms"
        if p95 > self.p95_ms:
            return "inconclusive", f"{text}: too near the bound {self.p95_ms:g} ms to tell"
        errors = f"{load.error_rate:.2%} errors" if load.errors else "no error"
        return "passed", f"{text} with {errors}, {load.per_second:,.0f} requests a second"
