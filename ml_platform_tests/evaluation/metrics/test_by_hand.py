"""Values worked out on paper."""

import math

import numpy as np
import pytest

from ml_platform.evaluation.metrics.metric import METRICS
from ml_platform.exceptions import MetricUnavailable

TARGET = np.array([1, 0, 1, 1, 0, 0, 0, 1, 0, 0])
SCORES = np.array([0.9, 0.8, 0.7, 0.6, 0.6, 0.4, 0.3, 0.2, 0.1, 0.1])
CLASSES = np.array([0, 1, 2, 2])
SHARES = np.array([[0.8, 0.1, 0.1], [0.5, 0.4, 0.1], [0.1, 0.1, 0.8], [0.1, 0.3, 0.6]])
NUMBERS = np.array([1.0, 2.0, 4.0, 5.0])
GUESSES = np.array([2.0, 2.0, 3.0, 8.0])


def measure(target, scores, **declared):
    return METRICS.parse(declared).measure(target, scores)


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        # pairs won by 0.9, 0.7, 0.6, 0.2: 6, 5, 4.5, 2 of 24
        ({"type": "roc_auc"}, 17.5 / 24),
        # steps: 1/1, 2/3, 3/5 (tie), 4/8
        ({"type": "average_precision"}, (1 + 2 / 3 + 3 / 5 + 4 / 8) / 4),
        ({"type": "accuracy"}, 7 / 10),
        ({"type": "balanced_accuracy"}, (3 / 4 + 4 / 6) / 2),
        ({"type": "precision"}, 3 / 5),
        ({"type": "recall"}, 3 / 4),
        ({"type": "f1"}, 2 * 3 / (4 + 5)),
        ({"type": "recall", "threshold": 0.2}, 1.0),
        ({"type": "precision_at", "percent": 10}, 1.0),
        ({"type": "precision_at", "percent": 25}, 2 / 3),  # 2.5 rows are 3
        ({"type": "precision_at", "percent": 40}, 2.5 / 4),  # half of the tie
        ({"type": "precision_at", "percent": 100}, 4 / 10),
        ({"type": "fpr_at_recall", "recall": 0.5}, 1 / 6),
        ({"type": "fpr_at_recall", "recall": 0.75}, 2 / 6),
        ({"type": "fpr_at_recall", "recall": 1.0}, 4 / 6),
        ({"type": "brier"}, (0.01 + 0.64 + 0.09 + 0.16 + 0.36 + 0.16 + 0.09 + 0.64 + 0.02) / 10),
        # halves: below 0.5 scores sum to 1.1 of 1 positive, above to 3.6 of 3
        ({"type": "expected_calibration_error", "bins": 2}, (0.1 + 0.6) / 10),
    ],
)
def test_binary_metric_by_hand(declared, expected) -> None:
    assert measure(TARGET, SCORES, **declared) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("accuracy", 3 / 4),
        ("balanced_accuracy", 2 / 3),
        ("f1_macro", (2 / 3 + 0 + 1) / 3),
        ("log_loss", -math.log(0.8 * 0.4 * 0.8 * 0.6) / 4),
        # class 1 against the rest: 0.4 beats 0.1, 0.1, 0.3
        ("roc_auc", 1.0),
        ("average_precision", 1.0),
        ("brier", (0.06 + 0.62 + 0.06 + 0.26) / 4),
        # 0.8 twice and 0.6, right each time, in two bins; 0.5 and wrong
        ("expected_calibration_error", (2 * 0.2 + 0.5 + 0.4) / 4),
    ],
)
def test_multiclass_metric_by_hand(name, expected) -> None:
    assert measure(CLASSES, SHARES, type=name) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rmse", math.sqrt(11 / 4)),
        ("mae", 5 / 4),
        ("mape", (1 + 0 + 1 / 4 + 3 / 5) / 4),
        ("median_absolute_error", 1.0),
        ("r2", 1 - 11 / 10),
    ],
)
def test_regression_metric_by_hand(name, expected) -> None:
    assert measure(NUMBERS, GUESSES, type=name) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("declared", "target", "scores", "reason"),
    [
        ({"type": "roc_auc"}, np.zeros(3, int), np.ones(3), "one class"),
        ({"type": "balanced_accuracy"}, np.ones(3, int), np.ones(3), "one class"),
        ({"type": "average_precision"}, np.zeros(3, int), np.ones(3), "no row is positive"),
        ({"type": "recall"}, np.zeros(3, int), np.ones(3), "no row is positive"),
        ({"type": "f1"}, np.zeros(3, int), np.ones(3), "no row is positive"),
        ({"type": "precision"}, np.ones(3, int), np.zeros(3), "none is decided positive"),
        ({"type": "fpr_at_recall", "recall": 0.8}, np.ones(3, int), np.ones(3), "one class"),
        ({"type": "roc_auc"}, np.array([0, 2]), SHARES[:2], "class number 1"),
        ({"type": "r2"}, np.full(3, 0.1), np.ones(3), "the same in all rows"),
        ({"type": "mape"}, np.array([0.0, 1.0]), np.ones(2), "0 in 1 rows"),
        ({"type": "brier"}, np.array([0, 1]), np.array([0.5, np.nan]), "not finite"),
        ({"type": "rmse"}, np.array([]), np.array([]), "no rows"),
    ],
)
def test_undefined_metric_says_why_instead_of_a_number(declared, target, scores, reason) -> None:
    with pytest.raises(MetricUnavailable, match=reason):
        measure(target, scores, **declared)


def test_average_precision_of_a_resample_that_lacks_the_highest_rows() -> None:
    target = np.array([1, 0, 1, 1, 0, 1])
    scores = np.array([0.9, 0.8, 0.7, 0.5, 0.5, 0.5])
    measure = METRICS.parse({"type": "average_precision"}).weighted(target, scores)
    drawn = np.array([0.0, 0.0, 0.0, 2.0, 1.0, 3.0])
    assert measure(drawn) == 5 / 6
    assert measure(np.array([0.0, 1.0, 2.0, 0.0, 2.0, 1.0])) == (2 * 2 / 3 + 3 / 6) / 3
