import pytest

from ml_platform.evaluation.estimates import Estimate, normal_reach, student_reach, unseen


def test_p_value_is_half_of_the_rest_where_the_interval_ends_at_the_bound() -> None:
    found = Estimate(-0.1, -0.25, 0.0, 0.95, 500, 500)
    assert found.chance_below_zero() == pytest.approx(0.025)
    assert found.minus(-0.2).chance_below_zero() == 1
    assert found.minus(0.1).chance_below_zero() < 0.001


def test_without_an_arm_the_value_alone_tells() -> None:
    assert Estimate(-0.1, -0.1, -0.1, 0.95, 500, 500).chance_below_zero() == 0


def test_negated_and_shifted_keep_their_interval() -> None:
    found = Estimate(0.3, 0.25, 0.45, 0.95, 500, 500)
    assert found.negated().interval == (-0.45, -0.25)
    assert found.minus(0.25).interval == pytest.approx((0.0, 0.2))


def test_few_rows_reach_further_than_many() -> None:
    assert normal_reach(0.95) == pytest.approx(1.959964)
    assert student_reach(0.95, 10) == pytest.approx(2.262157)
    assert student_reach(0.95, 1_000_000) == normal_reach(0.95)


def test_rule_of_three() -> None:
    assert unseen(0.9, 300) == pytest.approx(3 / 300, rel=0.01)
