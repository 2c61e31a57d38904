from collections.abc import Callable

import numpy as np
import pytest
from fairlearn.metrics import (
    demographic_parity_difference,
    demographic_parity_ratio,
    equalized_odds_difference,
)

from ml_platform.evaluation.group_rates import Measure, compare_groups, rates_by_group

FAIRLEARN: dict[Measure, tuple[Callable[..., float], Callable[..., float]]] = {
    "disparate_impact": (demographic_parity_ratio, min),
    "demographic_parity": (demographic_parity_difference, max),
    "equalized_odds": (equalized_odds_difference, max),
}

# Ten rows of group a, five of b; the shares are counted by hand.
TARGET = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0])
DECIDED = np.array([1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]).astype(bool)
GROUPS = [("g=a", np.arange(10)), ("g=b", np.arange(10, 15))]


def pairs(measure, **more):
    rates = rates_by_group(GROUPS, TARGET, DECIDED, measure=measure, min_rows=1)
    return [p for r in rates for p in compare_groups(r, measure=measure, confidence=0.95, **more)]


def test_disparate_impact_is_the_ratio_of_selection_rates() -> None:
    (pair,) = pairs("disparate_impact", bound=0.8)
    assert pair.value == pytest.approx((1 / 5) / (4 / 10))
    assert pair.name == "selection rate of g=b and g=a"
    assert (pair.rows, pair.support) == (15, 5)
    assert pair.low < pair.value < pair.high


def test_demographic_parity_is_the_difference_of_selection_rates() -> None:
    (pair,) = pairs("demographic_parity", bound=0.1)
    assert pair.value == pytest.approx(4 / 10 - 1 / 5)
    assert 0.025 < pair.chance < 1


def test_equalized_odds_compares_true_and_false_positive_rates() -> None:
    found, mistaken = pairs("equalized_odds", bound=0.1)
    assert found.value == pytest.approx(3 / 4 - 1 / 2)
    assert mistaken.value == pytest.approx(1 / 6 - 0)
    assert (found.rows, mistaken.rows) == (6, 9)


def extreme(measure: Measure, target: np.ndarray, decided: np.ndarray, of: np.ndarray) -> float:
    """The one number that fairlearn gives: over every two groups and every rate."""
    groups = [(f"g={name}", np.flatnonzero(of == name)) for name in np.unique(of)]
    rates = rates_by_group(groups, target, decided, measure=measure, min_rows=1)
    values = [
        pair.value
        for rate in rates
        for pair in compare_groups(rate, measure=measure, bound=0.5, confidence=0.95)
    ]
    return FAIRLEARN[measure][1](value for value in values if value is not None)


@pytest.mark.parametrize("measure", FAIRLEARN)
def test_extreme_over_all_pairs_is_what_fairlearn_measures(measure: Measure) -> None:
    theirs, _ = FAIRLEARN[measure]
    rng = np.random.default_rng(0)
    for count in (2, 3, 4, 5, 6):
        of, target, decided = rng.integers(0, [[count], [2], [2]], size=(3, 30 * count))
        expected = theirs(target, decided, sensitive_features=of)
        assert extreme(measure, target, decided == 1, of) == pytest.approx(expected, abs=1e-12)


def test_group_without_positives_has_no_true_positive_rate_where_fairlearn_counts_0() -> None:
    of, target = np.repeat([0, 1, 2], 4), np.array([1, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0])
    decided = np.array([1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0])
    theirs = [
        equalized_odds_difference(target[rows], decided[rows], sensitive_features=of[rows])
        for rows in (of < 3, of < 2)
    ]
    assert theirs == [1, 0.5]
    assert extreme("equalized_odds", target, decided == 1, of) == 0.5


def test_group_of_few_rows_for_a_rate_is_named_and_left_out() -> None:
    found, mistaken = rates_by_group(GROUPS, TARGET, DECIDED, measure="equalized_odds", min_rows=3)
    assert found.groups == ["g=a"]
    assert list(found.small) == ["g=b (2 for the true positive rate)"]
    assert mistaken.groups == ["g=a", "g=b"]


def test_nobody_selected_has_no_ratio() -> None:
    rates = rates_by_group(
        GROUPS, TARGET, np.zeros(15, dtype=bool), measure="disparate_impact", min_rows=1
    )
    (pair,) = compare_groups(rates[0], measure="disparate_impact", bound=0.8, confidence=0.95)
    assert pair.value is None
