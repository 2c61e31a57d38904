import numpy as np
import pytest

from ml_platform.evaluation.proportions import (
    Proportions,
    chance_at_least,
    difference_ends,
    ratio_ends,
)


def of(hits, rows) -> Proportions:
    return Proportions(np.atleast_1d(np.array(hits, float)), np.atleast_1d(np.array(rows, float)))


def test_wilson_interval_is_the_published_one() -> None:
    # Newcombe, Statistics in Medicine 17 (1998), 857-872, table I: 81 of 263 and 0 of 20
    low, high = of([81, 0], [263, 20]).ends(1.959964)
    assert low == pytest.approx([0.2553, 0.0], abs=5e-5)
    assert high == pytest.approx([0.3662, 0.1611], abs=5e-5)


def test_difference_is_newcombes_method_10() -> None:
    # Newcombe, Statistics in Medicine 17 (1998), 873-890, table II: 56/70 - 48/80 and 9/10 - 3/10
    low, high = difference_ends(of([56, 9], [70, 10]), of([48, 3], [80, 10]), confidence=0.95)
    assert low == pytest.approx([0.0524, 0.1705], abs=5e-5)
    assert high == pytest.approx([0.3339, 0.8090], abs=5e-5)


def test_ratio_turns_round_with_its_groups() -> None:
    first, second = of([10, 3], [50, 40]), of([20, 30], [60, 90])
    low, high = ratio_ends(first, second, confidence=0.9)
    turned_low, turned_high = ratio_ends(second, first, confidence=0.9)
    assert low == pytest.approx(1 / turned_high)
    assert high == pytest.approx(1 / turned_low)


def test_ratio_to_nought_has_no_upper_end() -> None:
    low, high = ratio_ends(of(3, 50), of(0, 50), confidence=0.95)
    assert np.isinf(high[0])
    assert low[0] > 0


@pytest.mark.parametrize("bound", [0.6, 0.8, 0.95])
def test_p_value_agrees_with_the_interval_of_the_ratio(bound) -> None:
    first, second = of(30, 100), of(60, 110)
    chance = chance_at_least(first, second, slope=bound)[0]
    high = ratio_ends(first, second, confidence=1 - 2 * chance)[1][0]
    assert high == pytest.approx(bound)


def test_p_value_agrees_with_the_interval_of_the_difference() -> None:
    first, second = of(30, 100), of(60, 110)
    chance = chance_at_least(first, second, bound=-0.1)[0]
    high = difference_ends(first, second, confidence=1 - 2 * chance)[1][0]
    assert high == pytest.approx(-0.1)
    assert chance_at_least(first, second, bound=-0.5)[0] == 1


@pytest.mark.parametrize(("p", "q"), [(0.05, 0.1), (0.4, 0.5), (0.9, 0.95)])
def test_intervals_cover_the_truth_as_often_as_they_say(p, q) -> None:
    rng = np.random.default_rng(0)
    first, second = (
        Proportions(rng.binomial(60, r, 4_000) * 1.0, np.full(4_000, 60.0)) for r in (p, q)
    )
    low, high = difference_ends(first, second, confidence=0.95)
    assert np.mean((low <= p - q) & (p - q <= high)) > 0.94
    low, high = ratio_ends(first, second, confidence=0.95)
    assert np.mean((low <= p / q) & (p / q <= high)) > 0.94
