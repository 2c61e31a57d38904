import numpy as np
import pytest
from sklearn import metrics as theirs

from ml_platform.evaluation.metrics.metric import METRICS
from ml_platform.task import Task
from ml_platform.testing.metrics import example_scores

BINARY = {
    "roc_auc": theirs.roc_auc_score,
    "average_precision": theirs.average_precision_score,
    "log_loss": theirs.log_loss,
    "brier": theirs.brier_score_loss,
    "accuracy": lambda t, s: theirs.accuracy_score(t, s >= 0.5),
    "balanced_accuracy": lambda t, s: theirs.balanced_accuracy_score(t, s >= 0.5),
    "f1": lambda t, s: theirs.f1_score(t, s >= 0.5),
    "precision": lambda t, s: theirs.precision_score(t, s >= 0.5),
    "recall": lambda t, s: theirs.recall_score(t, s >= 0.5),
}
MULTICLASS = {
    "roc_auc": lambda t, s: theirs.roc_auc_score(t, s, multi_class="ovr"),
    "average_precision": lambda t, s: theirs.average_precision_score(t, s, average="macro"),
    "brier": theirs.brier_score_loss,
    "log_loss": theirs.log_loss,
    "accuracy": lambda t, s: theirs.accuracy_score(t, s.argmax(axis=1)),
    "balanced_accuracy": lambda t, s: theirs.balanced_accuracy_score(t, s.argmax(axis=1)),
    "f1_macro": lambda t, s: theirs.f1_score(t, s.argmax(axis=1), average="macro"),
}
REGRESSION = {
    "rmse": theirs.root_mean_squared_error,
    "mae": theirs.mean_absolute_error,
    "mape": theirs.mean_absolute_percentage_error,
    "median_absolute_error": theirs.median_absolute_error,
    "r2": theirs.r2_score,
}
CASES = [
    (task, name, reference)
    for task, family in (
        (Task.BINARY, BINARY),
        (Task.MULTICLASS, MULTICLASS),
        (Task.REGRESSION, REGRESSION),
    )
    for name, reference in family.items()
]


@pytest.mark.parametrize(("task", "name", "reference"), CASES)
@pytest.mark.parametrize("rows", [31, 1000])
def test_metric_is_scikit_learns(task, name, reference, rows) -> None:
    target, scores = example_scores(task, rows=rows, seed=rows)
    ours = METRICS.parse({"type": name}).measure(target, scores)
    assert ours == pytest.approx(float(reference(target, scores)), rel=1e-10)


@pytest.mark.parametrize("recall", [0.1, 0.8, 0.95, 1.0])
def test_fpr_at_recall_is_a_point_of_scikit_learns_roc_curve(recall) -> None:
    target, scores = example_scores(Task.BINARY, rows=500, seed=3)
    fpr, tpr, _ = theirs.roc_curve(target, scores, drop_intermediate=False)
    ours = METRICS.parse({"type": "fpr_at_recall", "recall": recall}).measure(target, scores)
    assert ours == pytest.approx(fpr[np.argmax(tpr >= recall)])
