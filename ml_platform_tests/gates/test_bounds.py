import numpy as np
import pytest
from pydantic import ValidationError

from ml_platform.evaluation.evaluate import evaluate
from ml_platform.evaluation.report import Evaluation, MetricValue
from ml_platform.evaluation.spec import EvaluationSpec
from ml_platform.gates.evidence import EvaluationEvidence
from ml_platform.gates.gate import GATES, Stage
from ml_platform.task import Task
from ml_platform.testing.gates import check_gate


def evidence(**metrics) -> EvaluationEvidence:
    found = {key: MetricValue(key=key, rows=12_031, **value) for key, value in metrics.items()}
    return EvaluationEvidence(
        evaluation=Evaluation(
            task=Task.BINARY, rows=12_031, metrics=found, confidence=0.95, rounds=200, seed=0
        )
    )


def gate(**declared):
    return GATES.parse(declared)


def minimum(metric, floor, **more):
    return {"type": "minimum_metric", "metric": metric, "floor": floor, **more}


def maximum(metric, ceiling, **more):
    return {"type": "maximum_metric", "metric": metric, "ceiling": ceiling, **more}


AUC = {"value": 0.71, "low": 0.69, "high": 0.73}
UNMEASURABLE = {"reason": "all rows are of one class (negative)"}


@pytest.mark.parametrize(
    ("declared", "verdict"),
    [
        (minimum("roc_auc", 0.71), "passed"),
        (minimum("roc_auc", 0.72), "failed"),
        (
            {"type": "minimum_metric", "metric": "roc_auc", "floor": 0.7, "on": "lower_bound"},
            "failed",
        ),
        (
            {"type": "minimum_metric", "metric": "roc_auc", "floor": 0.69, "on": "lower_bound"},
            "passed",
        ),
        (maximum("log_loss", 0.3), "passed"),
        (maximum("log_loss", 0.29), "failed"),
        (
            {"type": "maximum_metric", "metric": "log_loss", "ceiling": 0.3, "on": "upper_bound"},
            "failed",
        ),
        (minimum("recall", 0.1), "inconclusive"),
        (minimum("f1", 0.1), "inconclusive"),
        (
            {"type": "minimum_metric", "metric": "f1", "floor": 0.1, "on": "lower_bound"},
            "inconclusive",
        ),
        (minimum("accuracy", 0.1), "inconclusive"),
        (
            {"type": "minimum_metric", "metric": "accuracy", "floor": 0, "enforce": "warn"},
            "inconclusive",
        ),
        (minimum("roc_auc", 1, enforce="warn"), "failed"),
    ],
)
def test_bound_gives_its_verdict(declared, verdict) -> None:
    found = evidence(
        roc_auc=AUC,
        log_loss={"value": 0.3, "low": 0.28, "high": 0.32, "greater_is_better": False},
        recall=UNMEASURABLE,
        f1=UNMEASURABLE,
    )
    record = check_gate(gate(**declared), found, verdict=verdict)
    assert record.blocks is (verdict != "passed" and declared.get("enforce") != "warn")


def test_metric_without_interval_is_inconclusive_on_its_bound() -> None:
    declared = gate(type="minimum_metric", metric="roc_auc", floor=0.1, on="lower_bound")
    record = check_gate(declared, evidence(roc_auc={"value": 0.9}), verdict="inconclusive")
    assert "no confidence interval" in record.result.reason


def test_reason_says_value_bound_and_rows() -> None:
    result = gate(type="minimum_metric", metric="roc_auc", floor=0.8).judge(evidence(roc_auc=AUC))
    assert result.reason == "roc_auc 0.71 is below the floor 0.8 (n=12,031)"
    assert (result.value, result.bound, result.interval) == (0.71, 0.8, (0.69, 0.73))
    result = gate(type="minimum_metric", metric="f1", floor=0.8).judge(evidence(f1=UNMEASURABLE))
    assert result.reason == "f1 is not measurable: all rows are of one class (negative)"
    assert result.value is None


def test_inconclusive_gate_that_only_warns_does_not_block() -> None:
    declared = gate(type="minimum_metric", metric="f1", floor=0.8, on_inconclusive="warn")
    found = evidence(f1=UNMEASURABLE)
    assert not declared.record(declared.judge(found)).blocks


def test_check_name_and_metric_keys_come_from_the_metric() -> None:
    declared = gate(type="minimum_metric", metric="precision_at_5", floor=0.2)
    assert declared.check_name == "minimum_metric_precision_at_5"
    assert declared.metric_keys == ("precision_at_5",)
    assert declared.stage is Stage.EVALUATION_REPORT


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"type": "minimum_metric", "metric": "rmse", "floor": 1}, "`maximum_metric`"),
        ({"type": "maximum_metric", "metric": "roc_auc", "ceiling": 1}, "`minimum_metric`"),
        ({"type": "minimum_metric", "metric": "no metric", "floor": 1}, "pattern"),
        ({"type": "minimum_metric", "metric": "roc_auc"}, "floor"),
        ({"type": "minimum_metric", "metric": "roc_auc", "floor": float("nan")}, "finite"),
    ],
)
def test_wrong_bound_is_refused_at_load(declared, said) -> None:
    with pytest.raises(ValidationError, match=said):
        gate(**declared)


def test_all_right_on_ten_rows_is_no_proof_on_the_lower_bound() -> None:
    target = (np.arange(200) < 60).astype(np.int64)
    scores = target * 0.5 + np.linspace(0.4, 0, 200)
    top = {"type": "precision_at", "percent": 5}
    spec = EvaluationSpec.model_validate({"metrics": [top]})
    found = EvaluationEvidence(evaluation=evaluate(target, scores, task=Task.BINARY, spec=spec))
    declared = {"metric": "precision_at_5", "on": "lower_bound"}
    assert gate(type="minimum_metric", floor=0.9, **declared).judge(found).verdict == "failed"
    judged = gate(type="minimum_metric", floor=0.7, **declared).judge(found)
    assert judged.reason.startswith("precision_at_5 0.7225 (lower bound) reaches the floor 0.7")
    on_value = gate(type="minimum_metric", floor=0.9, metric="precision_at_5")
    assert on_value.judge(found).verdict == "passed"
