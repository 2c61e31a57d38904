"""Records in, predictions out: what the service, the gates and batch scoring have in common."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from ml_platform.exceptions import FeatureError, PredictionFailed, RecordRefused
from ml_platform.serving import ids
from ml_platform.serving.records import Record, RecordChecker
from ml_platform.task import Task

Answer = dict[str, Any]
Scores = NDArray[np.float64]


class ScoringModel(Protocol):
    """What the predictor wants of a model; `ml_platform.training.model.Model` is one."""

    @property
    def task(self) -> Task:
        """Tells the shape of the scores."""
        ...

    @property
    def classes(self) -> tuple[Any, ...]:
        """The labels, JSON scalars; empty for regression."""
        ...

    def scores_of_records(self, records: Sequence[Mapping[str, Any]], /) -> Scores:
        """Score checked records."""
        ...

    def labels_of(self, scores: Scores, /) -> list[Any]:
        """Turn scores into labels, or into values for regression."""
        ...


class Predictor:
    """Answers for one version of one model; holds no state of its own.

    version: as it stands in every answer.
    new_id: makes a prediction id for a record that comes without one.
    """

    def __init__(
        self,
        model: ScoringModel,
        checker: RecordChecker,
        *,
        version: str,
        new_id: Callable[[], str] = ids.new_id,
    ) -> None:
        self.model = model
        self.checker = checker
        self.version = version
        self._new_id = new_id
        self._names = [str(label) for label in model.classes]

    def predict(self, record: object) -> Answer:
        """Answer one record.

        Raises RecordRefused when the record is at fault, PredictionFailed when the model is.
        """
        checked = self.checker.check(record)
        prediction_id = ids.prediction_id(cast("Record", record), new=self._new_id)
        return self._answers([checked], [prediction_id])[0]

    def predict_batch(self, records: object) -> list[Answer]:
        """Answer records in their order; one bad record refuses them all, and tells its index."""
        checked = self.checker.check_all(records)
        prediction_ids = self._ids(cast("list[Record]", records))
        return self._answers(checked, prediction_ids) if checked else []

    def scores(self, checked: Sequence[Record]) -> Scores:
        """Score checked records; the shape is told by `Task`.

        Raises PredictionFailed when the features cannot be built, or a score is not finite.
        """
        try:
            scores = self.model.scores_of_records(checked)
        except FeatureError as error:
            raise PredictionFailed(f"the features cannot be built: {error}") from error
        if not np.isfinite(scores).all():
            raise PredictionFailed("the model answered a score that is not a finite number")
        return scores

    def _ids(self, records: Sequence[Record]) -> list[str]:
        chosen: dict[str, None] = {}
        for index, record in enumerate(records):
            try:
                prediction_id = ids.prediction_id(record, new=self._new_id)
            except RecordRefused as refused:
                refused.index = index
                raise
            if prediction_id in chosen:
                raise RecordRefused(ids.FIELD, "repeated", allowed=ids.ALLOWED, index=index)
            chosen[prediction_id] = None
        return list(chosen)

    def _answers(self, checked: Sequence[Record], prediction_ids: Sequence[str]) -> list[Answer]:
        scores = self.scores(checked)
        labels = self.model.labels_of(scores)
        return [
            {
                "prediction": label,
                **self._probability(row),
                "prediction_id": prediction_id,
                "model_version": self.version,
            }
            for label, row, prediction_id in zip(
                labels, scores.tolist(), prediction_ids, strict=True
            )
        ]

    def _probability(self, row: Any) -> Answer:
        """The probability of the positive class, or of every class; nothing for regression."""
        if self.model.task is Task.REGRESSION:
            return {}
        if self.model.task is Task.BINARY:
            return {"probability": row}
        return {
            "probability": max(row),
            "probabilities": dict(zip(self._names, row, strict=True)),
        }
