"""What a gate says."""

from typing import Any, Literal

from pydantic import Field

from ml_platform.plugins import Strict

Verdict = Literal["passed", "failed", "inconclusive"]


class GateResult(Strict):
    """A verdict with its reason.

    value, bound: what was measured and what it was held against; None where there is no number.
    interval: confidence interval of the value, where there is one.
    rows: how many rows the value rests on.
    reason: one sentence for people.
    details: tables and numbers for the report, JSON-ready.
    """

    verdict: Verdict
    reason: str
    value: float | None = None
    bound: float | None = None
    interval: tuple[float, float] | None = None
    rows: int | None = None
    details: dict[str, Any] = Field(default_factory=dict)


class GateRecord(Strict):
    """A result together with the gate that gave it, as it stands in the certificate."""

    check: str
    gate: dict[str, Any]
    result: GateResult
    blocks: bool
