"""From rows to a model."""

from pathlib import Path

import pandas as pd

from ml_platform.exceptions import FeatureError, TrainingError
from ml_platform.features.columns import column_of
from ml_platform.features.encoder import FeatureEncoder
from ml_platform.features.spec import FeatureSpec
from ml_platform.features.transform import (
    check_row_by_row,
    inputs_of,
    load_transform,
    transformed,
)
from ml_platform.features.values import Category
from ml_platform.task import Task
from ml_platform.training.model import Model
from ml_platform.training.target import encode_target
from ml_platform.training.trainers.trainer import Trainer
from ml_platform.training.weighting import Weighting


def train(
    frame: pd.DataFrame,
    *,
    target: str,
    task: Task,
    features: FeatureSpec,
    trainer: Trainer,
    folder: Path,
    positive: Category | None = None,
    weighting: Weighting | None = None,
    allow_empty: bool = False,
) -> Model:
    """Train on the rows of `frame` in their order; same rows and declaration, same model.

    target: column to learn; positive: which of two classes the scores are the probability of.
    folder: where the declaration lies, for a transform of its own.
    weighting: how much each row counts; None is all the same.
    allow_empty: train on although a feature is null in all rows, as it may be in a small sample.

    Raises TrainingError or FeatureError with the column and what was found.
    """
    if target not in frame.columns:
        found = ", ".join(map(str, frame.columns)) or "none"
        raise TrainingError(f"target {target!r} is not a column; the columns are: {found}")
    if target in features.columns:
        raise FeatureError(f"target {target!r} is among the features; the model would read it off")
    encoded, classes = encode_target(column_of(frame, target), task, positive)
    transform = load_transform(features, folder=folder)
    inputs = inputs_of(frame, features, target=target)
    columns = frame
    if transform is not None:
        columns = transformed(transform, frame, inputs=inputs)
        check_row_by_row(transform, frame, columns, inputs=inputs, columns=features.columns)
    encoder = FeatureEncoder.fit(columns, features)
    if not allow_empty:
        _check_filled(columns, features)
    matrix = encoder.encode(columns)
    weights = weighting and weighting.weights(frame, encoded, classes=len(classes))
    return Model(
        task=task,
        classes=classes,
        features=features,
        encoder=encoder,
        estimator=trainer.fit(matrix, encoded, task=task, classes=len(classes), weights=weights),
        trainer=trainer.type,
        inputs=inputs,
        transform=transform,
    )


def _check_filled(columns: pd.DataFrame, features: FeatureSpec) -> None:
    empty = [n for n in features.columns if bool(column_of(columns, n).isna().all())]
    if empty:
        raise FeatureError(
            f"null in all {len(columns):,} training rows: {', '.join(map(repr, empty))}; "
            "repair the source or leave the feature out"
        )
