"""Records in, predictions out: what the service, the gates and batch scoring have in common."""

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from ml_platform.exceptions import FeatureError, PredictionFailed, RecordRefused
from ml_platform.serving import ids
from ml_platform.serving.records import Record, RecordChecker
from ml_platform.task import Task

Answer = dict[str, Any]
NOT_FINITE = "the model answered a score that is not a finite number"
Scores = NDArray[np.float64]
Score = float | tuple[float, ...]
"""Of one record: a probability, a value, or for multiclass the probability of each class."""


class ScoringModel(Protocol):
    """What the predictor wants of a model; `ml_platform.training.model.Model` is one.

    One that scores a single record faster than a list of one has `score_of_record(record)`, too.
    """

    @property
    def task(self) -> Task:
        """Tells the shape of the scores."""
        ...

    @property
    def classes(self) -> tuple[Any, ...]:
        """The labels, JSON scalars; empty for regression."""
        ...

    @property
    def threshold(self) -> float:
        """A binary score from here on is the positive class."""
        ...

    def scores_of_records(self, records: Sequence[Mapping[str, Any]], /) -> Scores:
        """Score checked records."""
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
        self._task = model.task
        self._classes = tuple(model.classes)
        self._names = [str(label) for label in model.classes]
        self._threshold = model.threshold
        fast = getattr(model, "score_of_record", None)
        self._score_of_record: Callable[[Record], Score] = fast or self._score_alone

    def predict(self, record: object) -> Answer:
        """Answer one record.

        Raises RecordRefused when the record is at fault, PredictionFailed when the model is.
        """
        checked = self.checker.check(record)
        prediction_id = ids.prediction_id(cast("Record", record), new=self._new_id)
        return self._answer(self.score_one(checked), prediction_id)

    def predict_batch(self, records: object) -> list[Answer]:
        """Answer records in their order; one bad record refuses them all, and tells its index."""
        checked = self.checker.check_all(records)
        prediction_ids = self._ids(cast("list[Record]", records))
        return self._answers(checked, prediction_ids) if checked else []

    def answers(self, records: Sequence[Record]) -> list[Answer]:
        """Answer what a client sends at once: one record as `/predict` does, several as a batch."""
        if len(records) == 1:
            return [self.predict(records[0])]
        return self.predict_batch(records)

    def score_one(self, checked: Record) -> Score:
        """Score one checked record, bit for bit as `scores` does.

        Raises PredictionFailed when the features cannot be built, or a score is not finite.
        """
        try:
            score = self._score_of_record(checked)
        except FeatureError as error:
            raise PredictionFailed(f"the features cannot be built: {error}") from error
        finite = all(map(isfinite, score)) if isinstance(score, tuple) else isfinite(score)
        if not finite:
            raise PredictionFailed(NOT_FINITE)
        return score

    def scores(self, checked: Sequence[Record]) -> Scores:
        """Score checked records; the shape is told by `Task`.

        Raises PredictionFailed when the features cannot be built, or a score is not finite.
        """
        try:
            scores = self.model.scores_of_records(checked)
        except FeatureError as error:
            raise PredictionFailed(f"the features cannot be built: {error}") from error
        if not np.isfinite(scores).all():
            raise PredictionFailed(NOT_FINITE)
        return scores

    def label_of(self, score: Score) -> Any:
        """Return the label of a score, or the value for regression, as a plain Python scalar."""
        if self._task is Task.REGRESSION:
            return score
        if isinstance(score, tuple):
            return self._classes[score.index(max(score))]
        return self._classes[score >= self._threshold]

    def probability_fields(self, score: Score) -> Answer:
        """The probability of the positive class, or of every class; nothing for regression."""
        if self._task is Task.REGRESSION:
            return {}
        if isinstance(score, tuple):
            probabilities = dict(zip(self._names, score, strict=True))
            return {"probability": max(score), "probabilities": probabilities}
        return {"probability": score}

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
        scores = scalar_scores(self.scores(checked))
        return [self._answer(*pair) for pair in zip(scores, prediction_ids, strict=True)]

    def _answer(self, score: Score, prediction_id: str) -> Answer:
        return {
            "prediction": self.label_of(score),
            **self.probability_fields(score),
            "prediction_id": prediction_id,
            "model_version": self.version,
        }

    def _score_alone(self, record: Record) -> Score:
        return scalar_scores(self.model.scores_of_records([record]))[0]


def scalar_scores(scores: Scores) -> list[Score]:
    """Return an array of scores as the scalars, or the tuples of them, that one record gets."""
    if scores.ndim == 1:
        return scores.tolist()
    return [tuple(row) for row in scores.tolist()]
