import numpy as np
import pytest

from ml_platform.evaluation.pairs import ConcordantPairs


@pytest.mark.parametrize("decimals", [1, 9])
def test_pairs_of_weighted_rows_are_those_of_repeated_rows(decimals) -> None:
    rng = np.random.default_rng(0)
    target = rng.integers(0, 2, 80)
    scores = np.round(rng.random(80) + target / 4, decimals)
    weights = rng.integers(0, 4, 80)
    ones = np.repeat(scores[target == 1], weights[target == 1])
    zeros = np.repeat(scores[target == 0], weights[target == 0])
    expected = (ones[:, None] > zeros).sum() + (ones[:, None] == zeros).sum() / 2
    found = ConcordantPairs(target, scores).weigh(weights.astype(float))
    assert found == pytest.approx((expected, len(ones), len(zeros)))


def test_one_class_has_no_pairs() -> None:
    assert ConcordantPairs(np.ones(3), np.arange(3.0)).weigh(np.ones(3)) == (0, 3, 0)
    assert ConcordantPairs(np.zeros(3), np.arange(3.0)).weigh(np.ones(3)) == (0, 0, 3)
