"""From a record to a prediction: who answers it, and what came of it."""

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, NamedTuple, cast

from ml_platform.exceptions import PredictionFailed, RecordRefused
from ml_platform.serving import ids
from ml_platform.serving.live.lineup import Lineup, Served
from ml_platform.serving.predictor import Score, scalar_scores
from ml_platform.serving.records import Record
from ml_platform.spec.serving import LimitsSpec


class Prediction(NamedTuple):
    """A record, scored.

    sent: whether the client made the id. key: the record's own; None where it has none.
    record: as received, without the prediction id; checked: what the model saw of it.
    model_us: microseconds of checking and scoring; of a batch, the share of one record.
    explored: whether the decision about it is to be made at random, whatever the model says.
    """

    served: Served
    prediction_id: str
    sent: bool
    key: str | None
    record: dict[str, Any]
    explored: bool
    checked: Record
    score: Score
    model_us: int


class Asked(NamedTuple):
    """A record before anything is known of it but its name.

    explored: whether the decision about it is to be made at random.
    """

    prediction_id: str
    sent: bool
    key: str | None
    record: dict[str, Any]
    explored: bool

    def drawn_by(self, lineup: Lineup) -> bool:
        """Tell whether the candidate is to answer."""
        return lineup.candidate is not None and lineup.takes(self.key or self.prediction_id)


NewId = Callable[[], str]


def asked(lineup: Lineup, content: object, new_id: NewId) -> Asked:
    """Name a record: its prediction id, which is taken out of it, and its key.

    Raises RecordRefused; no version is drawn yet, so none may count it.
    """
    record = _object(content)
    prediction_id = ids.prediction_id(record, new=new_id)
    sent = record.pop(ids.FIELD, None) is not None
    key = lineup.key_of(record)
    explored = lineup.explores is not None and lineup.explores(key or prediction_id)
    return Asked(prediction_id, sent, key, record, explored)


def asked_batch(lineup: Lineup, content: object, limits: LimitsSpec, new_id: NewId) -> list[Asked]:
    """Name the records of a batch.

    Raises RecordRefused, which has the `index` of the record; no version may count it either.
    """
    if type(content) is not list:
        raise RecordRefused("records", "wrong_type", allowed="a list of records")
    records = cast("list[object]", content)
    if len(records) > limits.records:
        allowed = f"at most {limits.records} records in one request"
        raise RecordRefused("records", "too_many", allowed=allowed)
    every: list[Asked] = []
    seen: set[str] = set()
    for index, record in enumerate(records):
        try:
            one = asked(lineup, record, new_id)
        except RecordRefused as refused:
            refused.index = index
            raise
        if one.prediction_id in seen:
            raise RecordRefused(ids.FIELD, "repeated", allowed=ids.ALLOWED, index=index)
        seen.add(one.prediction_id)
        every.append(one)
    return every


def predicted(lineup: Lineup, one: Asked) -> Prediction:
    """Score a record by the version that its key belongs to.

    What the candidate does not answer, the champion does. Raises RecordRefused, PredictionFailed.
    """
    candidate = lineup.candidate
    if candidate is None or not one.drawn_by(lineup):
        return _by_champion(lineup.champion, one)
    started = perf_counter()
    found = candidate.score_one(one.record)
    if found is not None:
        model_us = int((perf_counter() - started) * 1e6)
        return Prediction(candidate.served, *one, found[0], found[1], model_us)
    try:
        answered = _by_champion(lineup.fallback, one)
    except (RecordRefused, PredictionFailed):
        candidate.absolve()
        raise
    candidate.blame()
    return answered


def _by_champion(served: Served, one: Asked) -> Prediction:
    started = perf_counter()
    try:
        checked = served.predictor.checker.check(one.record)
        score = served.predictor.score_one(checked)
    except RecordRefused as refused:
        served.tally.refused(refused.reason)
        raise
    except PredictionFailed:
        served.tally.failed("prediction_failed")
        raise
    model_us = int((perf_counter() - started) * 1e6)
    return Prediction(served, *one, checked, score, model_us)


def predicted_batch(lineup: Lineup, every: Sequence[Asked]) -> list[Prediction]:
    """Score the records of a batch, each by the version that its key belongs to, in their order.

    Raises RecordRefused, which has the `index` of the record, and PredictionFailed.
    """
    done: list[Prediction | None] = [None] * len(every)
    candidate = lineup.candidate
    tried: list[int] = []
    if candidate is not None:
        tried = [index for index, one in enumerate(every) if one.drawn_by(lineup)]
        started = perf_counter()
        found = candidate.scores([every[index].record for index in tried]) if tried else []
        model_us = _each(started, len(tried))
        for index, pair in zip(tried, found, strict=True):
            if pair is not None:
                done[index] = Prediction(candidate.served, *every[index], *pair, model_us)
    failed = [index for index in tried if done[index] is None]
    own = sorted(set(range(len(every))) - set(tried))
    try:
        answered = [*_by(lineup.champion, every, own), *_by(lineup.fallback, every, failed)]
    except (RecordRefused, PredictionFailed):
        if candidate is not None:
            candidate.absolve()
        raise
    if candidate is not None and failed:
        candidate.blame()
    for index, one in zip((*own, *failed), answered, strict=True):
        done[index] = one
    return [one for one in done if one is not None]


def _object(content: object) -> dict[str, Any]:
    if type(content) is not dict:
        raise RecordRefused(None, "not_an_object", allowed="an object of fields and values")
    return cast("dict[str, Any]", content)


def _by(served: Served, every: Sequence[Asked], indices: Sequence[int]) -> list[Prediction]:
    """Check and score records of a batch; each is counted, as each of a candidate's is."""
    if not indices:
        return []
    started = perf_counter()
    checked: list[Record] = []
    first: RecordRefused | None = None
    for index in indices:
        try:
            checked.append(served.predictor.checker.check(every[index].record))
        except RecordRefused as refused:
            served.tally.refused(refused.reason)
            refused.index = index
            first = first or refused
    if first is not None:
        raise first
    try:
        scores = scalar_scores(served.predictor.scores(checked))
    except PredictionFailed:
        for _ in indices:
            served.tally.failed("prediction_failed")
        raise
    model_us = _each(started, len(indices))
    return [
        Prediction(served, *every[index], seen, score, model_us)
        for index, seen, score in zip(indices, checked, scores, strict=True)
    ]


def _each(started: float, count: int) -> int:
    return int((perf_counter() - started) * 1e6 / max(count, 1))
