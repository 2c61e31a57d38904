from collections import Counter

import numpy as np
import pytest
from pydantic import ValidationError

from ml_platform.gates.evidence import ChampionEvidence
from ml_platform.gates.gate import GATES
from ml_platform.gates.no_regression import beside_champion
from ml_platform.task import Task
from ml_platform.testing.gates import check_gate
from ml_platform.testing.metrics import example_scores
from ml_platform_tests.gates.rows import evidence_of, two_models


def gate(**declared):
    return GATES.parse(
        {"type": "no_regression", "metric": "roc_auc", "tolerance": 0.02, **declared}
    )


def verdicts(*, rows: int, drop: float, times: int, declared=None, **truth) -> Counter:
    judged = gate(**(declared or {}))
    return Counter(
        judged.judge(evidence_of(*two_models(rows, seed=seed, drop=drop, **truth))).verdict
        for seed in range(times)
    )


def test_equal_candidate_is_let_through_at_least_95_times_of_100() -> None:
    found = verdicts(rows=5_000, drop=0, times=100)
    assert found["passed"] >= 95


def test_drop_of_twice_the_tolerance_fails_at_least_90_times_of_100() -> None:
    found = verdicts(rows=5_000, drop=0.04, times=100)
    assert found["failed"] >= 90


@pytest.mark.parametrize("rows", [200, 800])
def test_equal_candidate_seldom_fails_and_bad_one_seldom_passes_on_few_rows(rows) -> None:
    assert verdicts(rows=rows, drop=0, times=200)["failed"] <= 10
    assert verdicts(rows=rows, drop=0.04, times=200)["passed"] <= 10


def test_too_few_rows_are_inconclusive_more_often_than_failed() -> None:
    found = verdicts(rows=200, drop=0, times=400, correlation=0.5)
    assert found["inconclusive"] > 280
    assert found["failed"] <= 20


@pytest.mark.parametrize("metric", ["log_loss", "average_precision", "f1", "accuracy"])
def test_resampled_metrics_keep_the_error_rates(metric) -> None:
    declared = {"metric": metric, "rounds": 200, "tolerance": 0.02}
    assert verdicts(rows=400, drop=0, times=60, declared=declared)["failed"] <= 4


def test_bootstrap_and_delong_agree() -> None:
    found = evidence_of(*two_models(5_000, seed=0, drop=0.03))
    by_delong = gate(method="delong").judge(found)
    by_resampling = gate(method="bootstrap").judge(found)
    assert gate().judge(found) == by_delong
    assert by_resampling.interval == pytest.approx(by_delong.interval, abs=0.002)


def test_contract_is_kept_with_every_verdict() -> None:
    check_gate(gate(), evidence_of(*two_models(5_000, seed=0)), verdict="passed")
    bad = check_gate(gate(), evidence_of(*two_models(5_000, seed=0, drop=0.1)), verdict="failed")
    assert bad.blocks
    few = evidence_of(*two_models(200, seed=0, correlation=0.3))
    check_gate(gate(), few, verdict="inconclusive")


def test_same_scores_pass_whatever_the_rows() -> None:
    target, scores, _ = two_models(200, seed=0)
    result = gate(tolerance=1e-9).judge(evidence_of(target, scores, scores))
    assert result.verdict == "passed"
    assert "equal" in result.reason


def test_error_metric_is_a_regression_when_it_rises() -> None:
    target, _, good = two_models(5_000, seed=0)
    result = gate(metric="log_loss").judge(evidence_of(target, 1 - good, good))
    assert result.verdict == "failed"
    assert result.value < -0.02


def test_first_release_passes_and_says_so() -> None:
    target, scores, _ = two_models(200, seed=0)
    result = gate().judge(evidence_of(target, scores))
    assert result.verdict == "passed"
    assert "first release" in result.reason


def test_rows_that_the_champion_was_trained_on_are_left_out_and_told() -> None:
    target, scores, champion = two_models(6_000, seed=0)
    seen = np.arange(6_000) < 3_000
    champion[seen] = target[seen]
    result = gate().judge(evidence_of(target, scores, champion, seen=seen))
    assert result.verdict == "passed"
    assert result.rows == 3_000
    assert "version 3 was trained on 3,000 of the 6,000 rows" in result.reason
    blind = gate().judge(evidence_of(target, scores, champion, seen=None))
    assert blind.verdict == "failed"
    assert "not known whether version 3 was trained on rows of this holdout" in blind.reason


def test_champion_that_has_seen_every_row_is_inconclusive() -> None:
    target, scores, champion = two_models(500, seed=0)
    found = evidence_of(target, scores, champion, seen=np.ones(500, dtype=bool))
    record = check_gate(gate(), found, verdict="inconclusive")
    assert "trained on all 500 rows" in record.result.reason


def test_champion_that_cannot_score_is_inconclusive_with_its_reason() -> None:
    target, scores, _ = two_models(500, seed=0)
    found = evidence_of(target, scores)
    object.__setattr__(found, "champion", ChampionEvidence(version=2, problem="no column 'x'"))
    assert "no column 'x'" in gate().judge(found).reason


def test_baseline_stands_in_for_the_champion() -> None:
    target, scores, champion = two_models(5_000, seed=0, drop=0.1)
    worse = evidence_of(target, scores, champion)
    found = evidence_of(target, scores, champion, baseline={"roc_auc": 0.66})
    result = gate(tolerance=0.03).judge(found)
    assert result.verdict == "passed"
    assert "the accepted baseline 0.66" in result.reason
    beside = beside_champion(result)
    assert (beside.verdict, beside.reason) == ("failed", gate(tolerance=0.03).judge(worse).reason)
    missed = evidence_of(target, scores, champion, baseline={"roc_auc": 0.9})
    assert gate().judge(missed).verdict == "failed"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (np.zeros(500, dtype=int), "all rows are of one class"),
        (np.arange(500) < 5, "5 rows of the rarer class are too few"),
    ],
)
def test_what_cannot_be_measured_is_inconclusive(target, said) -> None:
    _, scores, champion = two_models(500, seed=0)
    found = evidence_of(target.astype(int), scores, champion)
    record = check_gate(gate(), found, verdict="inconclusive")
    assert said in record.result.reason


def test_without_rows_it_is_inconclusive() -> None:
    found = evidence_of(*two_models(50, seed=0))
    object.__setattr__(found, "scores", None)
    assert gate().judge(found).verdict == "inconclusive"


@pytest.mark.parametrize("task", [Task.MULTICLASS, Task.REGRESSION])
def test_other_tasks_are_compared_too(task) -> None:
    target, scores = example_scores(task, rows=2_000, seed=0)
    metric = "rmse" if task is Task.REGRESSION else "roc_auc"
    worse = scores[::-1].copy()
    found = evidence_of(target, worse, scores, task=task)
    assert gate(metric=metric, rounds=200).judge(found).verdict == "failed"
    found = evidence_of(target, scores, worse, task=task)
    assert gate(metric=metric, rounds=200).judge(found).verdict == "passed"


def test_delong_for_more_than_two_classes_says_what_does() -> None:
    target, scores = example_scores(Task.MULTICLASS, rows=500, seed=0)
    found = evidence_of(target, scores, scores[::-1].copy(), task=Task.MULTICLASS)
    result = gate(method="delong").judge(found)
    assert result.verdict == "inconclusive"
    assert "method: bootstrap" in result.reason


def test_delong_of_another_metric_is_refused_at_load() -> None:
    with pytest.raises(ValidationError, match="not f1"):
        gate(metric="f1", method="delong")


@pytest.mark.parametrize("wrong", [{"tolerance": 0}, {"confidence": 1}, {"method": "guess"}])
def test_wrong_declaration_is_refused_at_load(wrong) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        gate(**wrong)
