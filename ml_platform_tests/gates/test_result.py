import pytest

from ml_platform.gates.result import GateResult


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("roc_auc 0.61 is below the floor 0.7 (n=1,200)", ""),
        ("roc_auc 0.61 is below the floor 0.7", " (rows 1,200)"),
        ("roc_auc 0.61 over 1,200 holdout rows", " (bound 0.7)"),
        ("1 of 3 columns drifted: age 0.6", " (measured 0.61, bound 0.7, rows 1,200)"),
        ("age 10.61 and -0.7, in 21,200 rows", " (measured 0.61, bound 0.7, rows 1,200)"),
    ],
)
def test_a_reason_is_told_with_the_numbers_that_it_lacks(reason: str, told: str) -> None:
    result = GateResult(verdict="failed", reason=reason, value=0.61, bound=0.7, rows=1200)
    assert result.told == reason + told


def test_what_was_not_measured_is_not_told() -> None:
    assert GateResult(verdict="inconclusive", reason="no champion").told == "no champion"


def test_large_numbers_are_told_in_full() -> None:
    result = GateResult(verdict="failed", reason="1.5 MB", value=1_500_000.0, bound=1_400_000.0)
    assert result.told == "1.5 MB (measured 1,500,000, bound 1,400,000)"
