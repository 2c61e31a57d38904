"""From the bytes of a request to the bytes of its answer and of its journal records.

Synchronous: it knows no web framework and no event loop. What it returns is sent when the journal
has the records.
"""

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any, Protocol

import orjson

from ml_platform.exceptions import PredictionFailed, RecordRefused
from ml_platform.serving import ids
from ml_platform.serving.answers import JsonReply, failure, parsed, parsed_batch, refusal
from ml_platform.serving.counters import Counters
from ml_platform.serving.feedback import Label, labels_of
from ml_platform.serving.live.lineup import Lineup, Live
from ml_platform.serving.live.prediction import (
    Prediction,
    asked,
    asked_batch,
    predicted,
    predicted_batch,
)
from ml_platform.serving.records import DEFAULT_LIMITS
from ml_platform.spec.serving import LimitsSpec

__all__ = ["JsonReply", "Replies", "failure", "refusal"]


class RecorderLike(Protocol):
    """Makes the payloads of journal records."""

    def prediction(self, one: Prediction, label: Any, latency_us: int, request_id: str) -> bytes:
        """Return the record of a prediction.

        latency_us: microseconds from the request's first byte to this record.
        """
        ...

    def feedback(self, label: Label) -> bytes:
        """Return the record of a label."""
        ...


class Replies:
    """The routes of the service as functions of bytes.

    live: who answers.
    about: gives what `GET /model` answers, beside what `live` tells; it has `model`.
    recorder: makes the journal's records; None where nothing is journaled.
    """

    def __init__(
        self,
        live: Live,
        *,
        about: Callable[[], Mapping[str, Any]],
        counters: Counters,
        limits: LimitsSpec = DEFAULT_LIMITS,
        recorder: RecorderLike | None = None,
        new_id: Callable[[], str] = ids.new_id,
    ) -> None:
        self.live = live
        self.counters = counters
        self.limits = limits
        self._about = about
        self._recorder = recorder
        self._new_id = new_id

    def health(self) -> JsonReply:
        """Answer that a model is loaded; degraded, and still 200, where a store is away."""
        content = {
            "status": "ok",
            "model": self._about()["model"],
            "model_version": self.live.lineup.champion.version,
            **self.live.health(),
        }
        return JsonReply(200, orjson.dumps(content))

    def model(self) -> JsonReply:
        """Answer what is served: versions, classes, fields of a record, release, journal."""
        return JsonReply(200, orjson.dumps({**self._about(), **self.live.about()}))

    def predict(
        self, body: bytes, *, request_id: str = "", received: float | None = None
    ) -> JsonReply:
        """Answer one record.

        received: `perf_counter()` when the request's first byte came; now unless given.
        """
        started = perf_counter()
        lineup = self.live.lineup
        try:
            named = asked(lineup, parsed(body, self.limits.depth), self._new_id)
        except RecordRefused as error:
            return self._refused(error)
        try:
            one = predicted(lineup, named)
        except (RecordRefused, PredictionFailed) as error:
            return refusal(error)
        now = perf_counter()
        work_us = int((now - started) * 1e6)
        latency_us = int((now - (started if received is None else received)) * 1e6)
        answer, record = self._told(lineup, one, work_us, latency_us, request_id)
        records = () if record is None else (record,)
        return JsonReply(200, orjson.dumps(answer), records, None, (one.served.tally,))

    def predict_batch(
        self, body: bytes, *, request_id: str = "", received: float | None = None
    ) -> JsonReply:
        """Answer `{"records": [...]}`; one bad record refuses them all, and tells its index."""
        started = perf_counter()
        lineup = self.live.lineup
        try:
            content = parsed_batch(body, self.limits.depth)
            named = asked_batch(lineup, content, self.limits, self._new_id)
        except RecordRefused as error:
            return self._refused(error)
        try:
            batch = predicted_batch(lineup, named)
        except (RecordRefused, PredictionFailed) as error:
            return refusal(error)
        now = perf_counter()
        work_us = int((now - started) * 1e6 / max(len(batch), 1))
        latency_us = int((now - (started if received is None else received)) * 1e6)
        told = [self._told(lineup, one, work_us, latency_us, request_id) for one in batch]
        answers = [answer for answer, _ in told]
        content = {"predictions": answers, "model_version": lineup.champion.version}
        records = tuple(record for _, record in told if record is not None)
        timed = tuple(one.served.tally for one in batch)
        return JsonReply(200, orjson.dumps(content), records, None, timed)

    def feedback(self, body: bytes) -> JsonReply:
        """Take one label, or a list of them; 200 when they are in the journal."""
        if self._recorder is None:
            self.counters.door.refused("no_journal")
            return failure(503, reason="no_journal", allowed="feedback where a journal is kept")
        try:
            labels = labels_of(parsed(body, self.limits.depth), self.limits)
        except RecordRefused as error:
            return self._refused(error)
        records = tuple(map(self._recorder.feedback, labels))
        return JsonReply(200, orjson.dumps({"accepted": len(records)}), records)

    def _refused(self, error: RecordRefused) -> JsonReply:
        """Count what was refused without a version; return its answer."""
        self.counters.door.refused(error.reason)
        return refusal(error)

    def _told(
        self, lineup: Lineup, one: Prediction, work_us: int, latency_us: int, request_id: str
    ) -> tuple[dict[str, Any], bytes | None]:
        """Count a prediction, hand it to the shadow; return its answer and its record."""
        served, score = one.served, one.score
        predictor, tally = served.predictor, served.tally
        label = predictor.label_of(score)
        answer: dict[str, Any] = {"prediction": label}
        answer.update(predictor.probability_fields(score))
        answer["prediction_id"] = one.prediction_id
        answer["model_version"] = predictor.version
        if lineup.explores is not None:
            answer["explore"] = one.explored
        told = max(score) if isinstance(score, tuple) else score
        tally.answered(work_us, one.model_us, told, label)
        served.census(one.checked, tally)
        if lineup.shadow is not None:
            lineup.shadow.offer(one, label, request_id)
        if self._recorder is None:
            return answer, None
        return answer, self._recorder.prediction(one, label, latency_us, request_id)
