import numpy as np
import pytest

from ml_platform.evaluation.bootstrap import (
    measure_each,
    part_to_resample,
    percentile_interval,
    replicates,
    scaled,
)
from ml_platform.evaluation.evaluate import evaluate
from ml_platform.evaluation.metrics.metric import METRICS
from ml_platform.evaluation.spec import EvaluationSpec
from ml_platform.task import Task
from ml_platform.testing.metrics import example_scores


def binary(rng, rows):
    target = (rng.random(rows) < 0.4).astype(int)
    return target, 1 / (1 + np.exp(-rng.normal(target - 0.5, 1.0)))


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(1)
    truth_auc = 0.7602  # normal scores one deviation apart: Phi(1 / sqrt(2))
    truth_mean = 2.0
    spec = EvaluationSpec(metrics=("roc_auc",), bootstrap=200, confidence=0.9)
    errors = EvaluationSpec(metrics=("mae",), bootstrap=200, confidence=0.9)
    covered = {"roc_auc": 0, "mae": 0}
    trials = 200
    for trial in range(trials):
        target, scores = binary(rng, 300)
        auc = evaluate(target, scores, task=Task.BINARY, spec=spec, seed=trial).metrics["roc_auc"]
        covered["roc_auc"] += auc.low <= truth_auc <= auc.high
        noise = rng.exponential(truth_mean, 300)
        mae = evaluate(np.zeros(300), noise, task=Task.REGRESSION, spec=errors, seed=trial).metrics[
            "mae"
        ]
        covered["mae"] += mae.low <= truth_mean <= mae.high
    # three standard errors of a share of 200 at 0.9 are 0.064
    assert covered["roc_auc"] / trials == pytest.approx(0.9, abs=0.065)
    assert covered["mae"] / trials == pytest.approx(0.9, abs=0.065)


def test_same_seed_gives_the_same_replicates_and_another_gives_others() -> None:
    target, scores = binary(np.random.default_rng(0), 100)
    measure = METRICS.parse({"type": "roc_auc"}).weighted(target, scores)
    first = replicates([measure], rows=100, rounds=5, seed=1)
    assert np.array_equal(first, replicates([measure], rows=100, rounds=5, seed=1))
    assert not np.array_equal(first, replicates([measure], rows=100, rounds=5, seed=2))


def test_measures_given_together_are_paired() -> None:
    target, scores = binary(np.random.default_rng(0), 100)
    measure = METRICS.parse({"type": "roc_auc"}).weighted(target, scores)
    drawn = replicates([measure, measure], rows=100, rounds=20, seed=1)
    assert np.array_equal(drawn[:, 0], drawn[:, 1])
    assert drawn[:, 0].std() > 0


def test_no_interval_where_too_many_rounds_cannot_be_measured() -> None:
    values = np.arange(100.0)
    assert percentile_interval(values, confidence=0.9) == pytest.approx((4.95, 94.05))
    values[:11] = np.nan
    assert percentile_interval(values, confidence=0.9) is None
    assert percentile_interval(np.array([]), confidence=0.9) is None


def test_one_positive_row_has_a_value_but_no_interval() -> None:
    target = np.zeros(50, int)
    target[3] = 1
    scores = np.linspace(0, 1, 50)
    spec = EvaluationSpec(metrics=("roc_auc",), bootstrap=100)
    metric = evaluate(target, scores, task=Task.BINARY, spec=spec).metrics["roc_auc"]
    assert metric.value == pytest.approx(3 / 49)
    assert metric.interval is None


def test_metrics_of_several_classes_have_intervals_too() -> None:
    target, scores = example_scores(Task.MULTICLASS, rows=300, seed=2)
    names = ("average_precision", "brier", "expected_calibration_error")
    spec = EvaluationSpec(metrics=names, bootstrap=100)
    for metric in evaluate(target, scores, task=Task.MULTICLASS, spec=spec).metrics.values():
        assert metric.low is not None
        assert metric.low < metric.value < metric.high or metric.key == names[-1]  # it is biased
    without = evaluate(np.minimum(target, 1), scores, task=Task.MULTICLASS, spec=spec)
    assert without.metrics["average_precision"].reason == "no row is of class number 2"


def test_spread_of_a_part_carries_over_to_all_rows() -> None:
    target, scores = binary(np.random.default_rng(0), 8000)
    metric = METRICS.parse({"type": "roc_auc"})
    every = replicates([metric.weighted(target, scores)], rows=8000, rounds=300, seed=1)
    part = part_to_resample(8000, seed=1, most=2000)
    measures = [metric.weighted(target[part], scores[part])]
    drawn = replicates(measures, rows=2000, rounds=300, seed=1)
    centre = measure_each(measures, np.ones(2000))
    whole = np.array([metric.measure(target, scores)])
    carried = scaled(drawn, centre=centre, whole=whole, share=0.25)
    assert carried.mean() == pytest.approx(whole[0], abs=0.002)
    assert carried.std() == pytest.approx(every.std(), rel=0.15)


def test_few_rows_are_resampled_all() -> None:
    assert part_to_resample(200_000, seed=0) is None
    part = part_to_resample(200_001, seed=0)
    assert len(np.unique(part)) == 200_000
