import numpy as np
import pytest

from ml_platform.evaluation.estimates import unseen
from ml_platform.evaluation.paired import estimate, paired_estimate
from ml_platform.evaluation.spec import metric_of_key
from ml_platform.exceptions import MetricUnavailable
from ml_platform.task import Task
from ml_platform_tests.gates.rows import two_models


def measured(key, target, scores, **options):
    return estimate(metric_of_key(key), target, scores, task=Task.BINARY, **options)


def test_both_methods_say_much_the_same_of_one_model() -> None:
    target, scores, _ = two_models(2_000, seed=0)
    by_delong = measured("roc_auc", target, scores)
    by_resampling = measured("roc_auc", target, scores, method="bootstrap")
    assert by_delong.value == by_resampling.value
    assert by_delong.interval == pytest.approx(by_resampling.interval, abs=0.003)


def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    truth = 0.75
    rows = [two_models(150, seed=seed, area=truth)[::2] for seed in range(300)]
    found = [measured("roc_auc", target, champion) for target, champion in rows]
    assert np.mean([e.low <= truth <= e.high for e in found]) > 0.92


def test_perfect_scores_are_not_taken_for_certain() -> None:
    target = np.arange(100) % 2
    found = measured("roc_auc", target, target.astype(float))
    assert found.interval == (1 - unseen(0.95, 50), 1.0)
    assert measured("recall", target, target.astype(float)).low < 0.95


def test_biased_replicates_do_not_shift_the_interval() -> None:
    target, scores, _ = two_models(1_000, seed=0)
    found = measured("expected_calibration_error", target, scores)
    assert found.low < found.value < found.high


def test_large_holdouts_are_resampled_in_part_and_scaled() -> None:
    target, scores, other = two_models(150_000, seed=0)
    metric = metric_of_key("accuracy")
    options = {"task": Task.BINARY, "others": other}
    found = paired_estimate(metric, target, scores, rounds=200, **options)
    right = (scores >= 0.5) == (target == 1)
    differs = right.astype(float) - ((other >= 0.5) == (target == 1))
    error = differs.std() / np.sqrt(len(target))
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.2)


def test_too_few_of_a_class_are_refused() -> None:
    target = np.arange(500) < 9
    with pytest.raises(MetricUnavailable, match="9 rows of the rarer class are too few"):
        measured("roc_auc", target.astype(int), np.arange(500.0))
