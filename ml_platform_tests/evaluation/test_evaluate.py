import numpy as np
import pandas as pd
import pytest

from ml_platform.evaluation.evaluate import evaluate
from ml_platform.evaluation.report import Evaluation
from ml_platform.evaluation.spec import EvaluationSpec
from ml_platform.exceptions import DataError
from ml_platform.task import Task
from ml_platform.testing.metrics import example_scores

QUICK = EvaluationSpec(bootstrap=20)


@pytest.mark.parametrize("task", list(Task))
def test_default_evaluation_of_each_task_measures_all_and_survives_json(task) -> None:
    target, scores = example_scores(task, rows=120, seed=0)
    found = evaluate(target, scores, task=task, spec=QUICK)
    assert all(m.value is not None and m.interval is not None for m in found.metrics.values())
    assert all(m.low <= m.high for m in found.metrics.values())
    assert Evaluation.model_validate_json(found.model_dump_json()) == found
    assert found.values().keys() == found.metrics.keys()


def test_one_class_in_the_holdout_is_not_measurable_and_the_rest_still_is() -> None:
    found = evaluate(np.zeros(30, int), np.linspace(0, 1, 30), task=Task.BINARY, spec=QUICK)
    assert found.metrics["roc_auc"].value is None
    assert "one class" in found.metrics["roc_auc"].reason
    assert found.metrics["accuracy"].value == pytest.approx(0.5)
    assert found.base_rate == 0


def test_empty_holdout_measures_nothing_and_says_so() -> None:
    found = evaluate(np.array([], int), np.array([]), task=Task.BINARY, spec=QUICK)
    assert found.rows == 0
    assert {m.reason for m in found.metrics.values()} == {"there are no rows"}


def test_slices_have_their_own_rows_and_values() -> None:
    target, scores = example_scores(Task.BINARY, rows=100, seed=0)
    frame = pd.DataFrame({"origin": ["JFK"] * 60 + ["LGA"] * 39 + [None], "sex": ["f", "m"] * 50})
    spec = EvaluationSpec(
        metrics=("accuracy", "roc_auc"), slices=("origin",), sensitive=("sex",), bootstrap=0
    )
    found = evaluate(target, scores, task=Task.BINARY, spec=spec, frame=frame)
    parts = {(s.column, s.value): s for s in found.slices}
    assert {key: s.rows for key, s in parts.items()} == {
        ("origin", "JFK"): 60,
        ("origin", "LGA"): 39,
        ("origin", "(missing)"): 1,
        ("sex", "f"): 50,
        ("sex", "m"): 50,
    }
    expected = np.mean((scores[:60] >= 0.5) == target[:60])
    assert parts["origin", "JFK"].metrics["accuracy"].value == pytest.approx(expected)
    assert parts["origin", "(missing)"].metrics["roc_auc"].value is None
    assert [s.sensitive for s in found.slices] == [False] * 3 + [True] * 2
    assert len(found.table()) == 2 * 6


def test_class_rows_carry_the_names_of_the_classes() -> None:
    target, scores = example_scores(Task.MULTICLASS, rows=10, seed=0)
    found = evaluate(target, scores, task=Task.MULTICLASS, spec=QUICK, classes=("a", "b", "c"))
    assert found.class_rows == {"a": 4, "b": 3, "c": 3}


def test_lengths_that_differ_and_missing_slice_columns_are_errors() -> None:
    with pytest.raises(DataError, match="3 targets, 2 scores"):
        evaluate(np.zeros(3, int), np.zeros(2), task=Task.BINARY, spec=QUICK)
    spec = EvaluationSpec(slices=("origin",))
    frame = pd.DataFrame({"carrier": ["UA"]})
    with pytest.raises(DataError, match=r"no column 'origin'.*carrier"):
        evaluate(np.zeros(1, int), np.zeros(1), task=Task.BINARY, spec=spec, frame=frame)


def _evaluated(target: np.ndarray, scores: np.ndarray, *, task: Task, metrics: list[str]):
    spec = EvaluationSpec.model_validate({"metrics": metrics, "bootstrap": 200})
    return evaluate(target, scores, task=task, spec=spec).metrics


def test_a_perfect_share_of_few_rows_has_an_interval_as_wide_as_they_are_few() -> None:
    rng = np.random.default_rng(1)
    target = (np.arange(200) < 60).astype(np.int64)
    scores = np.where(target == 1, 0.6, 0.0) + 0.3 * rng.random(200)
    keys = {
        "precision_at_5": 10,
        "accuracy": 200,
        "balanced_accuracy": 60,
        "precision": 60,
        "recall": 60,
        "f1": 60,
        "roc_auc": 60,
        "average_precision": 60,
    }
    metrics = [k for k in keys if k != "precision_at_5"]
    spec = EvaluationSpec.model_validate(
        {"metrics": [*metrics, {"type": "precision_at", "percent": 5}], "bootstrap": 200}
    )
    found = evaluate(target, scores, task=Task.BINARY, spec=spec).metrics
    z = 1.959963984540054
    for key, rows in keys.items():
        assert found[key].value == pytest.approx(1.0)
        assert found[key].low == pytest.approx(rows / (rows + z * z)), key
        assert found[key].high == pytest.approx(1.0)


def test_a_false_positive_rate_of_nought_is_not_certain() -> None:
    target = (np.arange(100) < 20).astype(np.int64)
    scores = target * 0.5 + np.linspace(0, 0.4, 100)
    spec = EvaluationSpec.model_validate({"metrics": [{"type": "fpr_at_recall", "recall": 0.8}]})
    found = evaluate(target, scores, task=Task.BINARY, spec=spec).metrics["fpr_at_recall_80"]
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high is not None
    assert found.high > 0.1


def test_several_classes_all_right_lean_on_the_rarest() -> None:
    target = np.repeat([0, 1, 2], [50, 30, 8])
    scores = np.eye(3)[target] * 0.8 + 0.2 / 3
    found = _evaluated(target, scores, task=Task.MULTICLASS, metrics=["f1_macro", "accuracy"])
    assert found["f1_macro"].low == pytest.approx(0.6756, abs=1e-4)
    assert found["accuracy"].low == pytest.approx(0.9582, abs=1e-4)


def test_what_is_no_share_and_never_varies_has_no_interval() -> None:
    target = np.arange(50.0)
    found = _evaluated(target, target, task=Task.REGRESSION, metrics=["rmse", "mae"])
    assert found["rmse"].value == 0.0
    assert found["rmse"].interval is None
