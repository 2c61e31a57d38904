import numpy as np
import pandas as pd
import pytest

from ml_platform.data.contract import Contract
from ml_platform.gates.evidence import DataEvidence, Reference
from ml_platform.gates.gate import GATES
from ml_platform.testing.gates import check_gate

CONTRACT = Contract.model_validate(
    {
        "version": 1,
        "columns": {
            "key": {"dtype": "int64", "unique": True},
            "at": {"dtype": "datetime"},
            "note": {"dtype": "string"},
            "amount": {"dtype": "float64"},
            "country": {"dtype": "category", "sensitive": True},
            "back": {"dtype": "int64"},
        },
    }
)


def rows(seed=0, n=2000, shift=0.0, share=0.5, back=0.3):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "key": np.arange(n) + seed * n,
            "at": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(n) + seed * n, "h"),
            "note": [f"note {seed} {i}" for i in range(n)],
            "amount": rng.normal(shift, 1, n),
            "country": np.where(rng.random(n) < share, "DE", "NO"),
            "back": (rng.random(n) < back).astype(int),
        }
    )


def evidence(frame, *, last=None, champion=None):
    return DataEvidence(
        frame=frame,
        contract=CONTRACT,
        target="back",
        id="key",
        event_time="at",
        previous=lambda: None if last is None else Reference("rows@3", last),
        champion=lambda: None if champion is None else Reference("version 4", champion),
    )


def gate(kind="contract_drift", **fields):
    return GATES.parse({"type": kind, **fields})


def test_same_population_passes_whatever_id_time_text_and_label_do() -> None:
    result = check_gate(gate(), evidence(rows(1, back=0.9), last=rows(0)), verdict="passed").result
    assert "no drift of 2 columns by population_stability against rows@3" in result.reason
    assert result.value < 0.05
    assert result.bound == 0.2


def test_moved_column_fails_and_is_named_with_effect_and_bound() -> None:
    result = check_gate(
        gate(drift={"type": "wasserstein", "threshold": 0.4}),
        evidence(rows(1, shift=1.0), last=rows(0)),
        verdict="failed",
    ).result
    assert "1 of 2 columns drifted by wasserstein against rows@3: amount moved by" in result.reason
    assert result.interval[0] < result.value < result.interval[1]


def test_bins_of_a_sensitive_column_are_not_shown() -> None:
    result = check_gate(gate(), evidence(rows(1, share=0.9), last=rows(0)), verdict="failed").result
    assert "country" in result.reason
    assert "DE" not in str(result.details)


@pytest.mark.parametrize("against", ["last", "champion"])
@pytest.mark.parametrize("kind", ["contract_drift", "label_drift"])
def test_first_one_passes_and_says_so(kind, against) -> None:
    record = check_gate(gate(kind, against=against), evidence(rows()), verdict="passed")
    assert record.check == f"{kind}_{against}"
    assert "first" in record.result.reason


def test_each_reference_is_read_for_its_own_gate_only() -> None:
    seen = evidence(rows(2, shift=1.0), last=rows(1, shift=1.0), champion=rows(0))
    check_gate(gate(), seen, verdict="passed")
    check_gate(gate(against="champion"), seen, verdict="failed")


def test_label_that_moved_fails_the_label_gate_alone() -> None:
    seen = evidence(rows(1, back=0.7), last=rows(0))
    check_gate(gate("label_drift"), seen, verdict="failed")
    check_gate(gate(), seen, verdict="passed")


def test_too_few_rows_or_an_unknown_column_are_inconclusive() -> None:
    few = evidence(rows(1, n=40), last=rows(0, n=40))
    assert "too few rows to tell" in check_gate(gate(), few, verdict="inconclusive").result.reason
    lacking = evidence(rows(1), last=rows(0).drop(columns="amount"))
    reason = check_gate(gate(columns=["amount"]), lacking, verdict="inconclusive").result.reason
    assert "the reference has no such column" in reason
