import pytest

from ml_platform.evaluation.estimates import Estimate
from ml_platform.gates.tolerance import overall, rows_to_tell, verdict_of, verdicts_of


def margin(value, half, rows=1_000) -> Estimate:
    return Estimate(value, value - half, value + half, 0.95, rows, rows)


@pytest.mark.parametrize(
    ("value", "half", "verdict"),
    [
        (0.0, 0.02, "passed"),
        (-0.019, 0.02, "passed"),
        (-0.021, 0.02, "failed"),
        (0.0, 0.05, "inconclusive"),
        (-0.03, 0.05, "inconclusive"),
        (-0.06, 0.05, "failed"),
        (0.02, 0.05, "passed"),
        (-0.01, 0.001, "passed"),
        (-0.03, 0.001, "failed"),
    ],
)
def test_rule_of_three_verdicts(value, half, verdict) -> None:
    assert verdict_of(margin(value, half), tolerance=0.02) == verdict


@pytest.mark.parametrize("value", [-0.1, -0.041, -0.02, -0.001, 0, 0.03])
def test_nothing_is_inconclusive_once_half_the_interval_is_the_tolerance(value) -> None:
    assert verdict_of(margin(value, 0.02), tolerance=0.02) != "inconclusive"


def test_many_margins_need_stronger_proof_to_fail() -> None:
    worse = margin(-0.06, 0.05)
    assert verdicts_of([worse], tolerance=0.02, correction="holm") == ["failed"]
    many = [worse, *[margin(0.1, 0.05)] * 19]
    assert verdicts_of(many, tolerance=0.02, correction="holm")[0] == "inconclusive"
    assert verdicts_of([margin(-0.2, 0.05), *many], tolerance=0.02, correction="holm")[:2] == [
        "failed",
        "inconclusive",
    ]


def test_one_failure_fails_and_none_at_all_cannot_be_told() -> None:
    assert overall(["passed", "inconclusive", "failed"]) == "failed"
    assert overall(["passed", "inconclusive"]) == "inconclusive"
    assert overall(["passed"]) == "passed"
    assert overall([]) == "inconclusive"


def test_rows_to_tell_grow_with_the_square_of_the_interval() -> None:
    assert rows_to_tell(margin(0, 0.06, rows=500), tolerance=0.02) == 4_500
    assert rows_to_tell(margin(0.0, 0.06), tolerance=0) is None
