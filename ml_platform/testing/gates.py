"""The contract of a gate."""

import re
from typing import Any

from ml_platform.gates.gate import GATES, Gate
from ml_platform.gates.result import GateRecord, Verdict


def check_gate(gate: Gate[Any], evidence: Any, *, verdict: Verdict) -> GateRecord:
    """Assert that a gate keeps its contract on this evidence; return the record.

    The verdict is the expected one, it has a reason, judging twice says the same unless time or
    memory is measured, and the record survives JSON.
    """
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", gate.check_name), f"check {gate.check_name!r}"
    assert GATES.parse(gate.model_dump(mode="json")) == gate, "YAML gives another gate"
    result = gate.judge(evidence)
    assert result.verdict == verdict, f"{result.verdict}: {result.reason}"
    assert result.reason.strip()
    again = gate.judge(evidence)
    assert gate.noisy or again == result, "judging twice gives two results"
    record = gate.record(result)
    assert GateRecord.model_validate_json(record.model_dump_json()) == record
    if verdict == "passed":
        assert not record.blocks
    if gate.enforce == "warn":
        assert not record.blocks
    return record
