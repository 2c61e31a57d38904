import pytest
from pydantic import ValidationError

from ml_platform.evaluation.spec import EvaluationSpec, default_metrics, metric_names
from ml_platform.exceptions import UnknownPlugin
from ml_platform.task import Task


def keys(metrics):
    return [metric.key for metric in metrics]


def test_metrics_are_declared_by_name_by_key_or_by_mapping() -> None:
    spec = EvaluationSpec.model_validate(
        {
            "metrics": [
                "roc_auc",
                "precision_at_5",
                "fpr_at_recall_80",
                {"type": "precision_at", "percent": 2.5},
                {"type": "recall", "threshold": 0.3},
            ]
        }
    )
    assert keys(spec.metrics) == [
        "roc_auc",
        "precision_at_5",
        "fpr_at_recall_80",
        "precision_at_2_5",
        "recall_at_0_3",
    ]
    assert EvaluationSpec.model_validate(spec.model_dump(mode="json")) == spec


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"metrics": ["roc_acu"]}, "did you mean 'roc_auc'"),
        ({"metrics": [{"type": "precision_at"}]}, "percent"),
        ({"metrics": ["precision_at"]}, "percent"),
        ({"metrics": ["precision_at_500"]}, "unknown metric"),
        ({"metrics": ["no.such.module:Metric"]}, "no.such.module"),
        ({"metrics": ["roc_auc", "roc_auc"]}, "declared twice"),
        ({"metrics": [3]}, "a metric is a mapping"),
        ({"bootstrap": -1}, "greater than or equal to 0"),
        ({"confidence": 1}, "less than 1"),
        ({"slice": ["origin"]}, "slice"),
    ],
)
def test_wrong_declaration_says_what_would_be_valid(declared, said) -> None:
    with pytest.raises(ValidationError, match=said):
        EvaluationSpec.model_validate(declared)


def test_metrics_of_gates_join_those_declared() -> None:
    spec = EvaluationSpec.model_validate({"metrics": ["roc_auc"]})
    also = ("precision_at_5", "roc_auc")
    assert keys(spec.metrics_for(Task.BINARY, also=also)) == ["roc_auc", "precision_at_5"]


def test_metric_of_another_task_is_refused_with_the_valid_ones() -> None:
    with pytest.raises(UnknownPlugin, match=r"unknown binary metric 'rmse'.*roc_auc"):
        EvaluationSpec().metrics_for(Task.BINARY, also=["rmse"])
    with pytest.raises(UnknownPlugin, match="unknown metric 'nothing'"):
        EvaluationSpec().metrics_for(Task.BINARY, also=["nothing"])


@pytest.mark.parametrize("task", list(Task))
def test_default_metrics_measure_their_task(task) -> None:
    assert set(keys(default_metrics(task))) <= set(metric_names(task))
