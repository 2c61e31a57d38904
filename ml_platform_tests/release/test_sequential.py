"""Tests that are looked at again and again, over draws of known truth."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_platform.release.evidence import Moments
from ml_platform.release.sequential import (
    Difference,
    chained_log_e,
    count_log_e,
    difference_of,
    mean_log_e,
    pooled,
    radius,
    stability_index,
)

RISES = ((1.2, 0.5), (2.0, 0.3), (10.0, 0.2))
ALPHA = 0.01


@given(st.integers(1, 12), st.floats(0.01, 0.99))
def test_the_e_value_of_counts_is_one_on_average_where_both_are_alike(n: int, share: float) -> None:
    mean = sum(
        math.comb(n, k)
        * share**k
        * (1 - share) ** (n - k)
        * math.exp(count_log_e(k, n - k, share=share, rises=RISES))
        for k in range(n + 1)
    )
    assert mean == pytest.approx(1.0)


def test_equal_versions_are_seldom_called_apart_at_any_of_100_looks() -> None:
    random = np.random.default_rng(0)
    alarms = 0
    for _ in range(300):
        candidate = random.binomial(random.binomial(500, 0.05, 100), 0.05).cumsum()
        champion = random.binomial(500, 0.95 * 0.05, 100).cumsum()
        highest = max(
            count_log_e(int(x), int(y), share=0.05, rises=RISES)
            for x, y in zip(candidate, champion, strict=True)
        )
        alarms += highest > math.log(1 / ALPHA)
    assert alarms <= 6  # at most 1 % by theory; 6 of 300 has a chance below 5 % then


def test_an_interval_of_a_mean_holds_at_every_look() -> None:
    random = np.random.default_rng(1)
    missed = 0
    for _ in range(300):
        one, other = random.exponential(1.0, (2, 100, 50)), random.exponential(1.0, (100, 50))
        mine, theirs = Moments(), Moments()
        out = False
        for block, against in zip(one[0], other, strict=True):
            mine = _more(mine, block)
            theirs = _more(theirs, against)
            difference = difference_of(mine, theirs)
            assert difference is not None
            out |= abs(difference.value) > radius(difference, alpha=0.05, scale=0.05)
        missed += out
    assert missed <= 22  # at most 5 % by theory


def _more(moments: Moments, values: np.ndarray) -> Moments:
    return Moments(
        moments.n + len(values),
        moments.total + float(values.sum()),
        moments.squares + float((values**2).sum()),
    )


def test_a_mean_that_rises_by_less_than_half_of_the_bound_speaks_for_the_candidate() -> None:
    assert (
        mean_log_e(Difference(0.1, 0.01), rise=0.4)
        < 0
        < mean_log_e(Difference(0.3, 0.01), rise=0.4)
    )
    assert mean_log_e(None, rise=0.4) == 0.0


def test_steps_are_chained_so_that_a_late_change_is_not_hidden_by_early_good() -> None:
    assert chained_log_e([], planned=3) == pytest.approx(0.0)
    assert chained_log_e([5.0], planned=1) == 5.0
    late = chained_log_e([-30.0, 8.0], planned=2)
    assert late == pytest.approx(8.0 - math.log(2), abs=0.01)
    both = chained_log_e([3.0, 4.0], planned=2)
    assert both > 6.0


def test_differences_of_steps_are_weighted_by_what_is_known_of_them() -> None:
    found = pooled([Difference(1.0, 0.1), Difference(3.0, 0.3)])
    assert found is not None
    assert found.value == pytest.approx(1.5)
    assert found.variance == pytest.approx(0.075)
    assert pooled([]) is None


def test_equal_scores_lie_within_the_noise_and_others_beyond() -> None:
    random = np.random.default_rng(2)

    def bins(shift: float, n: int) -> dict[int, int]:
        numbers, counts = np.unique(
            np.floor(2 * random.normal(shift, 2, n)).astype(int), return_counts=True
        )
        return dict(zip(numbers.tolist(), counts.tolist(), strict=True))

    for n in (200, 2000, 20_000):
        index, noise = stability_index(bins(0, n), bins(0, 19 * n))
        assert index < noise
    index, noise = stability_index(bins(2, 2000), bins(0, 38_000))
    assert index - noise > 0.25
    assert stability_index({}, {1: 3}) == (0.0, 0.0)
