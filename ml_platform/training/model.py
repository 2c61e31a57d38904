"""A trained model: rows or records in, scores out; the same from disk as from training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ml_platform.features.encoder import FeatureEncoder
from ml_platform.features.spec import FeatureSpec
from ml_platform.features.transform import Transform, frame_of_records, transformed
from ml_platform.features.values import Category
from ml_platform.task import Task
from ml_platform.training.target import encode_known
from ml_platform.training.trainers.trainer import Estimator, Matrix

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Model:
    """Everything that turns a row into a prediction.

    classes: in the order of their codes, the positive one last; empty for regression.
    inputs: name and dtype of the raw columns that scoring needs.
    trainer: name of the trainer, which knows how the estimator is stored.
    threshold: a binary score from here on is the positive class.
    """

    task: Task
    classes: tuple[Category, ...]
    features: FeatureSpec
    encoder: FeatureEncoder
    estimator: Estimator
    trainer: str
    inputs: Mapping[str, str] = field(default_factory=dict[str, str])
    transform: Transform | None = None
    threshold: float = 0.5

    def encode(self, frame: "pd.DataFrame") -> Matrix:
        """Return the matrix (n, width) of raw rows. Raises FeatureError."""
        if self.transform is not None:
            frame = transformed(self.transform, frame, inputs=self.inputs)
        return self.encoder.encode(frame)

    def encode_records(self, records: Sequence[Mapping[str, Any]]) -> Matrix:
        """Return the same matrix of raw records; without pandas where there is no transform."""
        if self.transform is None:
            return self.encoder.encode_records(records)
        return self.encode(frame_of_records(records, inputs=self.inputs))

    def scores(self, frame: "pd.DataFrame") -> NDArray[np.float64]:
        """Score rows; the shape is told by `Task`. Raises FeatureError."""
        return self.estimator.scores(self.encode(frame))

    def scores_of_records(self, records: Sequence[Mapping[str, Any]]) -> NDArray[np.float64]:
        """Score records, bit for bit as `scores` scores a frame of them. Raises FeatureError."""
        return self.estimator.scores(self.encode_records(records))

    def predict(self, frame: "pd.DataFrame") -> NDArray[Any]:
        """Return the label of each row, or its value for regression; shape (n,)."""
        scores = self.scores(frame)
        if self.task is Task.REGRESSION:
            return scores
        return _labels(self.classes)[self._codes(scores)]

    def labels_of(self, scores: NDArray[np.float64]) -> list[Category]:
        """Return the label, or the value, of each score as a plain Python scalar."""
        if self.task is Task.REGRESSION:
            return [float(score) for score in scores]
        return [self.classes[code] for code in self._codes(scores)]

    def encode_target(self, series: "pd.Series") -> NDArray[np.generic]:
        """Encode the target of other rows, such as a holdout's, by this model's classes.

        Raises TrainingError for nulls and for classes that the training rows did not have.
        """
        return encode_known(series, self.task, self.classes)

    def save(self, folder: Path, *, folder_of_declaration: Path) -> None:
        """Write the model to an empty folder, its manifest last. See `training.model_folder`."""
        from ml_platform.training.model_folder import save

        save(self, folder, folder_of_declaration=folder_of_declaration)

    @classmethod
    def load(cls, folder: Path) -> "Model":
        """Read what `save` wrote, after checking every file against the manifest.

        Raises ModelError when a file is missing, changed, or of a newer format.
        """
        from ml_platform.training.model_folder import load

        return load(folder)

    def _codes(self, scores: NDArray[np.float64]) -> NDArray[np.int64]:
        if self.task is Task.BINARY:
            return (scores >= self.threshold).astype(np.int64)
        return scores.argmax(axis=1)


def _labels(classes: tuple[Category, ...]) -> NDArray[Any]:
    if any(isinstance(label, str) for label in classes):
        return np.array(classes, dtype=object)
    return np.array(classes)
