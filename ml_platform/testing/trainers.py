"""The contract of a trainer."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml_platform.exceptions import ModelError, TrainingError
from ml_platform.task import Task
from ml_platform.training.loss import constant_loss, loss
from ml_platform.training.trainers.trainer import TRAINERS, Estimator, Matrix, Trainer


def check_trainer(
    trainer: Trainer, *, task: Task, folder: Path, rows: int = 300, seed: int = 0
) -> None:
    """Assert that a trainer keeps its contract for one task.

    folder: an empty one; estimators are written below it.
    """
    assert TRAINERS.parse(trainer.model_dump(mode="json")) == trainer, "YAML gives another trainer"
    assert trainer.format.isidentifier(), f"format {trainer.format!r}"
    trainer.check(task=task)
    matrix, target = example_rows(task, rows=rows, seed=seed)
    classes = 0 if task is Task.REGRESSION else len(np.unique(target))
    before = matrix.tobytes(), target.tobytes()
    estimator = trainer.fit(matrix, target, task=task, classes=classes)
    assert (matrix.tobytes(), target.tobytes()) == before, "the rows were changed"
    scores = estimator.scores(matrix)
    _check_scores(scores, task=task, rows=rows, classes=classes)
    _check_learned(estimator, target, scores, task)
    again = trainer.fit(matrix, target, task=task, classes=classes).scores(matrix)
    assert again.tobytes() == scores.tobytes(), "the same rows gave another model"
    _check_weights(trainer, matrix, target, scores, task=task, classes=classes)
    _check_rows_stand_alone(estimator, matrix, scores)
    _check_stored(trainer, estimator, matrix, scores, folder)


def example_rows(task: Task, *, rows: int, seed: int) -> tuple[Matrix, NDArray[np.generic]]:
    """Return encoded rows with nulls and 0/1 columns, and a target that can be learned."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(rows, 3))
    ones = np.eye(3)[rng.integers(0, 3, rows)]
    signal = numbers[:, 0] + ones[:, 1] + rng.normal(0, 0.3, rows)
    numbers[rng.integers(0, 10, rows) == 0, 2] = np.nan
    matrix = np.hstack([numbers, ones])
    if task is Task.REGRESSION:
        return matrix, signal
    return matrix, np.digitize(signal, [0.3] if task is Task.BINARY else [0.0, 0.8])


def _check_scores(scores: NDArray[np.float64], *, task: Task, rows: int, classes: int) -> None:
    assert scores.dtype == np.float64
    assert scores.shape == ((rows, classes) if task is Task.MULTICLASS else (rows,))
    assert np.isfinite(scores).all()
    if task is not Task.REGRESSION:
        assert ((scores >= 0) & (scores <= 1)).all(), "scores of classes are probabilities"
    if task is Task.MULTICLASS:
        assert np.allclose(scores.sum(axis=1), 1, atol=1e-5)


def _check_learned(
    estimator: Estimator, target: NDArray[np.generic], scores: NDArray[np.float64], task: Task
) -> None:
    assert loss(target, scores, task) < 0.9 * constant_loss(target, task), "nothing was learned"
    assert np.isfinite(estimator.losses).all()
    if estimator.losses:
        assert estimator.losses[-1] < estimator.losses[0], "the training loss does not fall"


def _check_weights(
    trainer: Trainer,
    matrix: Matrix,
    target: NDArray[np.generic],
    scores: NDArray[np.float64],
    *,
    task: Task,
    classes: int,
) -> None:
    weights = np.where(np.arange(len(target)) % 2, 1.5, 0.5)
    try:
        weighted = trainer.fit(matrix, target, task=task, classes=classes, weights=weights)
    except TrainingError:
        return  # it takes none, and says so
    assert weighted.scores(matrix).tobytes() != scores.tobytes(), "the weights count for nothing"


def _check_rows_stand_alone(
    estimator: Estimator, matrix: Matrix, scores: NDArray[np.float64]
) -> None:
    for size in (1, 2, 7):
        alone = estimator.scores(matrix[-size:])
        assert alone.tobytes() == scores[-size:].tobytes(), "a row's score depends on the others"
    assert estimator.scores(matrix[:0]).shape == (0, *scores.shape[1:])


def _check_stored(
    trainer: Trainer,
    estimator: Estimator,
    matrix: Matrix,
    scores: NDArray[np.float64],
    folder: Path,
) -> None:
    stored = folder / "estimator"
    estimator.save(stored)
    loaded = type(trainer).load(stored)
    assert loaded.scores(matrix).tobytes() == scores.tobytes(), "reading gives another model"
    for file in sorted(path for path in stored.rglob("*") if path.is_file()):
        content = file.read_bytes()
        file.write_bytes(content[: len(content) // 2])
        try:
            type(trainer).load(stored)
        except ModelError:
            file.write_bytes(content)
        else:
            raise AssertionError(f"half of {file.name} was read without a ModelError")
