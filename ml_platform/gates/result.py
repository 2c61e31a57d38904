"""What a gate says."""

import json
import re
from collections.abc import Mapping
from hashlib import sha256
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

    @property
    def told(self) -> str:
        """The reason, and of value, bound and rows what it does not say itself."""
        named = {"measured": self.value, "bound": self.bound, "rows": self.rows}
        unsaid = [
            f"{name} {_number(number)}"
            for name, number in named.items()
            if number is not None and not _says(self.reason, name, number)
        ]
        return f"{self.reason} ({', '.join(unsaid)})" if unsaid else self.reason


def _number(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.4g}"


def _says(reason: str, name: str, number: float) -> bool:
    """Whether a sentence has the number, in one of the forms that the gates write."""
    if name == "rows":
        return re.search(rf"(n=|(?<![\d,.])){number:,}(\)|( \w+)? rows)", reason) is not None
    forms = {_number(number), f"{number:.3g}", f"{number:g}"}
    return not forms.isdisjoint(re.findall(r"-?\d(?:[\d,.]*\d)?(?:e[+-]\d+)?", reason))


class GateRecord(Strict):
    """A result together with the gate that gave it, as it stands in the certificate."""

    check: str
    gate: dict[str, Any]
    result: GateResult
    blocks: bool

    @property
    def digest(self) -> str:
        """The sha256 of all that it says, in hex: other evidence gives another one."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return sha256(text.encode()).hexdigest()

    def is_of(self, declared: Mapping[str, Any]) -> bool:
        """Whether this gate gave it, as it is `Gate.declared` now."""
        return self.gate == declared

    def change_to(self, declared: Mapping[str, Any]) -> str:
        """What became of the gate since, for people: `floor from 0.7 to 0.9`; "" for nothing."""
        return ", ".join(
            f"{name} from {_told(self.gate, name)} to {_told(declared, name)}"
            for name in sorted({**self.gate, **declared})
            if _told(self.gate, name) != _told(declared, name)
        )


def _told(gate: Mapping[str, Any], field: str) -> str:
    return json.dumps(gate[field], ensure_ascii=False) if field in gate else "nothing"
