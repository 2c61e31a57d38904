import math

import numpy as np
import pytest

from ml_platform.evaluation.spread import (
    bound_floor,
    corrected,
    difference_reach,
    differences,
    ratio_reach,
    rounded,
    spread,
    tolerance_floor,
)


def test_the_reach_is_students_t_times_the_spread_of_a_difference():
    values = np.array([0.80, 0.81, 0.82])
    assert spread(values) == pytest.approx(0.01)
    # t(0.975, 2 degrees of freedom) = 4.302653
    reach = difference_reach(values, confidence=0.95)
    assert reach == pytest.approx(4.302653 * 0.01 * math.sqrt(2), rel=1e-6)


@pytest.mark.parametrize("fits", [3, 10])
def test_two_further_models_differ_by_more_than_the_reach_as_often_as_said(fits):
    rng = np.random.default_rng(0)
    seen = rng.normal(0.8, 0.01, (5_000, fits))
    further = rng.normal(0.8, 0.01, (5_000, 2))
    beyond = [
        abs(pair[0] - pair[1]) > difference_reach(values, confidence=0.9)
        for values, pair in zip(seen, further, strict=True)
    ]
    assert np.mean(beyond) == pytest.approx(0.1, abs=0.017)  # 4 standard errors


def test_the_reach_of_a_ratio_covers_as_said_and_errs_to_the_safe_side():
    rng = np.random.default_rng(0)
    costs = np.exp(rng.normal(0, 0.05, (3_000, 11)))
    further = np.exp(rng.normal(0, 0.05 * math.sqrt(2), 3_000))
    beyond = [
        new - 1 > ratio_reach(row[1:] / row[:-1], confidence=0.95)
        for row, new in zip(costs, further, strict=True)
    ]
    assert 0.005 < np.mean(beyond) < 0.032  # one side of 95 %: at most 2.5 %


def test_equal_ratios_reach_nowhere():
    assert ratio_reach(np.ones(4), confidence=0.95) == 0


def test_a_tolerance_at_the_floor_lets_an_equal_model_through_as_often_as_said():
    """The rule of gates.tolerance on margins whose truth is known."""
    rng = np.random.default_rng(0)
    margins = rng.normal(0, 0.01, 100_000)
    reach = 1.959964 * 0.01
    for half in (0.0, 0.01, 0.05):
        tolerance = tolerance_floor(reach, half=half)
        passed = (margins >= -tolerance) & (margins - half >= -2 * tolerance)
        assert passed.mean() == pytest.approx(0.975, abs=0.003)


def test_a_bound_at_the_floor_lets_an_equal_model_on_other_rows_through_as_often_as_said():
    rng = np.random.default_rng(0)
    model, rows = 0.01, 0.02
    measured, following = (
        rng.normal(0.8, model, 100_000) + rng.normal(0, rows, 100_000) for _ in range(2)
    )
    noise = bound_floor(1.959964 * model * math.sqrt(2), half=1.959964 * rows)
    assert (following >= measured - noise).mean() == pytest.approx(0.975, abs=0.003)


def test_differences_are_those_of_every_pair():
    assert differences(np.array([1.0, 3.0, 7.0])).tolist() == [2.0, 6.0, 4.0]


def test_answers_that_must_all_hold_share_the_doubt():
    assert corrected(0.95, questions=1) == pytest.approx(0.95)
    assert corrected(0.95, questions=10) == pytest.approx(0.995)
    assert corrected(0.95, questions=0) == pytest.approx(0.95)


@pytest.mark.parametrize(
    ("value", "noise", "up", "text"),
    [
        (0.7834, 0.01, False, "0.783"),
        (0.7834, 0.01, True, "0.784"),
        (0.3, 0.2, True, "0.30"),
        (-0.1239, 0.05, False, "-0.124"),
        (0.000123, 0.00008, True, "0.000123"),
        (87_654.0, 1_200.0, True, "87700"),
    ],
)
def test_numbers_are_written_with_the_digits_that_the_noise_leaves(value, noise, up, text):
    assert rounded(value, noise=noise, up=up) == text
