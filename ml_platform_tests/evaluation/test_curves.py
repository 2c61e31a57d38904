import io

import numpy as np
import pytest
from PIL import Image

from ml_platform.evaluation.curves import pictures
from ml_platform.task import Task
from ml_platform.testing.metrics import example_scores

CLASSED = {"roc_curve", "precision_recall_curve", "calibration_curve", "confusion_matrix"}
EXPECTED = {
    Task.BINARY: CLASSED,
    Task.MULTICLASS: CLASSED,
    Task.REGRESSION: {"predicted_against_actual", "residuals"},
}
COLORS = [(31, 119, 180), (255, 127, 14), (44, 160, 44), (214, 39, 40), (148, 103, 189)]
"""What Matplotlib draws one line after the other in."""


def check_pictures(drawn) -> None:
    for content in drawn.values():
        picture = np.asarray(Image.open(io.BytesIO(content)).convert("L"))
        assert picture.shape == (462, 550)
        assert picture.std() > 10, "the picture is blank"


@pytest.mark.parametrize("task", list(Task))
@pytest.mark.parametrize("rows", [3, 5000])
def test_each_task_has_its_pictures(task, rows) -> None:
    target, scores = example_scores(task, rows=rows, seed=0)
    drawn = pictures(target, scores, task=task)
    assert drawn.keys() == EXPECTED[task]
    check_pictures(drawn)


def test_one_class_leaves_out_the_curves_that_need_two() -> None:
    drawn = pictures(np.zeros(20, int), np.linspace(0, 1, 20), task=Task.BINARY)
    assert drawn.keys() == CLASSED - {"roc_curve", "precision_recall_curve"}


def test_each_class_that_has_rows_has_a_curve_of_its_own() -> None:
    target = np.arange(60) % 4
    scores = np.random.default_rng(0).dirichlet(np.ones(5), 60)
    drawn = pictures(target, scores, task=Task.MULTICLASS)
    for name in CLASSED - {"confusion_matrix"}:
        pixels = np.asarray(Image.open(io.BytesIO(drawn[name])).convert("RGB"))
        seen = [(pixels == color).all(axis=2).any() for color in COLORS]
        assert seen == [True] * 4 + [False], name


def test_no_rows_have_no_pictures() -> None:
    assert pictures(np.array([], int), np.array([]), task=Task.BINARY) == {}


def test_names_that_no_font_draws_and_many_classes_are_drawn_without_a_warning() -> None:
    target, scores = example_scores(Task.MULTICLASS, rows=30, seed=0)
    classes = ("延误", "$5 and $", "a\nb")
    check_pictures(pictures(target, scores, task=Task.MULTICLASS, classes=classes))
    scores = np.random.default_rng(0).dirichlet(np.ones(60), 300)
    many = pictures(np.arange(300) % 60, scores, task=Task.MULTICLASS)
    check_pictures(many)
