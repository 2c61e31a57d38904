from types import SimpleNamespace

import pytest

from ml_platform.exceptions import DeclarationError
from ml_platform.gates.gate import GATES, Stage
from ml_platform.testing.gates import check_gate

CODE = """
from ml_platform.gates.result import GateResult

def enough(evidence):
    rows = evidence.rows
    verdict = "passed" if rows > 10 else "failed"
    return GateResult(verdict=verdict, reason=f"{rows} rows", value=rows, bound=10)

def mapped(evidence):
    return {"verdict": "failed", "reason": "as told"}

def wrong(evidence):
    return {"verdict": "maybe", "reason": "as told"}

def nothing(evidence):
    return True

def broken(evidence):
    return evidence.rows / 0
"""


@pytest.fixture
def evidence(tmp_path):
    (tmp_path / "checks.py").write_text(CODE, "utf-8")
    return SimpleNamespace(rows=20, folder=tmp_path)


def gate(name, **fields):
    return GATES.parse({"type": "custom", "function": f"checks:{name}", **fields})


def test_own_function_gives_the_verdict(evidence) -> None:
    record = check_gate(gate("enough"), evidence, verdict="passed")
    assert record.check == "custom_enough"
    assert (record.result.value, record.result.bound) == (20, 10)
    evidence.rows = 5
    assert check_gate(gate("enough"), evidence, verdict="failed").blocks


def test_mapping_is_as_good_as_a_result(evidence) -> None:
    assert check_gate(gate("mapped"), evidence, verdict="failed").result.reason == "as told"
    assert not check_gate(gate("mapped", enforce="warn"), evidence, verdict="failed").blocks


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("wrong", "returned no verdict: verdict:"),
        ("nothing", "returned bool"),
        ("broken", "raised ZeroDivisionError"),
    ],
)
def test_function_that_gives_no_verdict_is_inconclusive_and_blocks(evidence, name, said) -> None:
    record = check_gate(gate(name), evidence, verdict="inconclusive")
    assert said in record.result.reason
    assert record.blocks


def test_stage_is_declared(evidence) -> None:
    assert gate("enough").stage is Stage.EVALUATION_REPORT
    assert gate("enough", stage="validated_data").stage is Stage.VALIDATED_DATA


def test_function_that_is_not_there_is_an_error_of_the_declaration(evidence) -> None:
    with pytest.raises(DeclarationError, match="it has: "):
        gate("missing").judge(evidence)
