import numpy as np
import pytest

from ml_platform.evaluation.delong import placements
from ml_platform.evaluation.spec import metric_of_key
from ml_platform.task import Task
from ml_platform.testing.metrics import example_scores


def by_definition(target, scores) -> tuple[np.ndarray, np.ndarray]:
    """The kernel of every pair of a positive and a negative row, averaged each way."""
    ones, zeros = scores[target == 1], scores[target == 0]
    kernel = (ones[:, None] > zeros).astype(float) + (ones[:, None] == zeros) / 2
    return kernel.mean(axis=1), kernel.mean(axis=0)


def test_placements_are_the_structural_components_with_ties() -> None:
    target, scores = example_scores(Task.BINARY, rows=120, seed=1)
    placed = placements(target, np.round(scores, 1))
    expected = by_definition(target, np.round(scores, 1))
    assert placed.positive == pytest.approx(expected[0])
    assert placed.negative == pytest.approx(expected[1])
    area = metric_of_key("roc_auc").measure(target, np.round(scores, 1))
    assert placed.area == pytest.approx(area)


def test_error_of_the_difference_is_the_paired_one() -> None:
    target, scores = example_scores(Task.BINARY, rows=120, seed=1)
    other = scores + np.random.default_rng(0).normal(0, 0.1, 120)
    first, second = by_definition(target, scores), by_definition(target, other)
    covariances = [np.cov(a, b, ddof=1) / len(a) for a, b in zip(first, second, strict=True)]
    total = sum(covariances)
    expected = np.sqrt(total[0, 0] + total[1, 1] - 2 * total[0, 1])
    paired = placements(target, scores).minus(placements(target, other))
    assert paired.error == pytest.approx(expected)


def test_example_of_hand() -> None:
    target = np.array([0, 0, 0, 1, 1])
    scores = np.array([0.1, 0.4, 0.4, 0.4, 0.9])
    placed = placements(target, scores)
    assert placed.positive.tolist() == pytest.approx([2 / 3, 1])
    assert placed.negative.tolist() == pytest.approx([1, 0.75, 0.75])
    assert placed.error == pytest.approx(np.sqrt(1 / 18 / 2 + 0.0625 / 3 / 3))
