"""What a run says that a gate stopped."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from ml_platform.component.blocking import NOTHING_WAIVED, Waived, stop_if_blocked
from ml_platform.gates.result import GateRecord, GateResult, Verdict
from ml_platform.spec.load import Declaration

NOW = datetime(2026, 3, 1, tzinfo=UTC)
EVALUATED = Waived((), NOW, version=4)
TRAIN = "ml-platform train small_credit"


def stopped(
    declaration: Declaration,
    check: str,
    *,
    waived: Waived = EVALUATED,
    verdict: Verdict = "failed",
    reason: str = "3 of 20 columns drifted",
) -> list[str]:
    result = GateResult(verdict=verdict, reason=reason, value=0.31, bound=0.2, rows=1200)
    record = GateRecord(check=check, gate={"type": check}, result=result, blocks=True)
    with pytest.raises(dg.Failure) as failure:
        stop_if_blocked(declaration, dg.AssetKey(["a", "b"]), [record], waived=waived)
    assert not failure.value.allow_retries
    return (failure.value.description or "").splitlines()


def test_gate_value_bound_rows_and_three_ways_are_told(declaration: Declaration) -> None:
    assert stopped(declaration, "no_drift") == [
        "a/b is blocked by 1 gate(s):",
        "  no_drift: failed: 3 of 20 columns drifted (measured 0.31, bound 0.2, rows 1,200)",
        "What you can do:",
        "  1. Look at what the check found, and mend the data or the model.",
        "  2. Change the gate, where its bound is wrong, in "
        f"{declaration.file}, and have it judged: {TRAIN}",
        "  3. Set `enforce: warn` on the gate to see it without being stopped, or answer for this "
        "version alone: ml-platform waive small_credit no_drift --version 4 --by WHO --reason WHY "
        "--until DATE",
    ]


@pytest.mark.parametrize(
    ("check", "verdict", "waived", "third"),
    [
        ("no_drift", "inconclusive", EVALUATED, "Set `on_inconclusive: warn` on the gate"),
        ("no_drift", "failed", NOTHING_WAIVED, "it cannot be waived, as there is no version yet"),
        ("contract", "failed", NOTHING_WAIVED, "Set `on_invalid: quarantine` on the contract"),
        ("service_smoke", "failed", EVALUATED, "to see it without being stopped."),
    ],
)
def test_third_way_fits_what_stopped_the_run(
    declaration: Declaration, check: str, verdict: Verdict, waived: Waived, third: str
) -> None:
    said = stopped(declaration, check, verdict=verdict, waived=waived)
    assert said[-1].startswith("  3. ")
    assert third in said[-1]
