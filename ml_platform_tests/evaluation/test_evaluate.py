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
