"""A model that scores by compiled code; made of the reference model, and equal to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_platform.features.values import Category
from ml_platform.serving.compiled.rows import RowEncoder
from ml_platform.serving.compiled.scorer import Score, Scorer, Scores, Unsupported
from ml_platform.task import Task
from ml_platform.training.model import Model
from ml_platform.training.trainers.trainer import Estimator


@dataclass(frozen=True, eq=False)
class CompiledModel:
    """Records to scores without pandas, without XGBoost's or scikit-learn's own overhead.

    A model with a transform runs it as in training, on a frame; only what follows is compiled.
    """

    reference: Model
    scorer: Scorer
    rows: RowEncoder

    @property
    def task(self) -> Task:
        """That of the reference."""
        return self.reference.task

    @property
    def classes(self) -> tuple[Category, ...]:
        """Those of the reference."""
        return self.reference.classes

    @property
    def threshold(self) -> float:
        """That of the reference."""
        return self.reference.threshold

    def score_of_record(self, record: Mapping[str, Any]) -> Score:
        """Score one record. Raises FeatureError."""
        if self.reference.transform is None:
            return self.scorer.one(self.rows.row(record))
        row = self.reference.encode_records([record])[0]
        return self.scorer.one(np.ascontiguousarray(row, self.scorer.dtype))

    def scores_each(self, records: Sequence[Mapping[str, Any]]) -> list[Score]:
        """Score one record after the other; a transform runs once, for all of them.

        Raises FeatureError when one of them is refused.
        """
        if self.reference.transform is None:
            return [self.score_of_record(record) for record in records]
        rows = self.reference.encode_records(records)
        return [self.scorer.one(row) for row in np.ascontiguousarray(rows, self.scorer.dtype)]

    def scores_of_records(self, records: Sequence[Mapping[str, Any]]) -> Scores:
        """Score records; the shape is told by `Task`. Raises FeatureError."""
        if self.reference.transform is None:
            return self.scorer.many(self.rows.rows(records))
        rows = self.reference.encode_records(records)
        return self.scorer.many(np.ascontiguousarray(rows, self.scorer.dtype))


def compiled(model: Model) -> CompiledModel:
    """Compile a model. Raises Unsupported with the reason where there is no compiled form."""
    scorer = _scorer(model.estimator)
    return CompiledModel(model, scorer, RowEncoder(model.encoder, scorer.dtype))


def _scorer(estimator: Estimator) -> Scorer:
    # By name: importing the trainers brings nothing heavy, but a foreign one may be of any kind.
    from ml_platform.training.trainers.sklearn import SklearnEstimator
    from ml_platform.training.trainers.xgboost import XGBoostEstimator

    if isinstance(estimator, XGBoostEstimator):
        from ml_platform.serving.compiled.xgboost_trees import boosted_trees

        return boosted_trees(estimator)
    if isinstance(estimator, SklearnEstimator):
        from ml_platform.serving.compiled.sklearn_steps import sklearn_scorer

        return sklearn_scorer(estimator)
    raise Unsupported(f"{type(estimator).__name__} is an estimator of another package")
