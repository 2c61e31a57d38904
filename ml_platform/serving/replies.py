"""From the bytes of a request to the status and bytes of its answer; knows no web framework."""

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import orjson

from ml_platform.exceptions import PredictionFailed, RecordRefused
from ml_platform.serving.predictor import Predictor


class JsonReply(NamedTuple):
    """An HTTP status and a JSON body."""

    status: int
    body: bytes


class Replies:
    """The routes of the service as functions of bytes.

    about: what `GET /model` answers.
    """

    def __init__(self, predictor: Predictor, *, about: Mapping[str, Any]) -> None:
        self._predictor = predictor
        self._model = JsonReply(200, orjson.dumps(about))
        self._health = JsonReply(
            200,
            orjson.dumps(
                {
                    "status": "ok",
                    "model": about["model"],
                    "model_version": predictor.version,
                }
            ),
        )
        self.body_limit = predictor.checker.limits.body_bytes

    def health(self) -> JsonReply:
        """Answer that the model is loaded."""
        return self._health

    def model(self) -> JsonReply:
        """Answer what is served: version, classes, fields of a record, release."""
        return self._model

    def predict(self, body: bytes) -> JsonReply:
        """Answer one record."""
        try:
            return JsonReply(200, orjson.dumps(self._predictor.predict(_parsed(body))))
        except (RecordRefused, PredictionFailed) as error:
            return refusal(error)

    def predict_batch(self, body: bytes) -> JsonReply:
        """Answer `{"records": [...]}`."""
        try:
            answers = self._predictor.predict_batch(_records(_parsed(body)))
        except (RecordRefused, PredictionFailed) as error:
            return refusal(error)
        version = self._predictor.version
        return JsonReply(200, orjson.dumps({"predictions": answers, "model_version": version}))


def refusal(error: RecordRefused | PredictionFailed) -> JsonReply:
    """Return the answer that says what was wrong."""
    if isinstance(error, PredictionFailed):
        return failure(error.status, reason="prediction_failed", allowed=str(error))
    content: dict[str, Any] = {
        "field": error.field,
        "reason": error.reason,
        "allowed": error.allowed,
    }
    if error.index is not None:
        content["index"] = error.index
    return JsonReply(error.status, orjson.dumps({"error": content}))


def failure(status: int, *, reason: str, allowed: str) -> JsonReply:
    """Return an answer for what is no field's fault."""
    content = {"field": None, "reason": reason, "allowed": allowed}
    return JsonReply(status, orjson.dumps({"error": content}))


def _parsed(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RecordRefused(
            None, "not_json", allowed=f"a JSON object in UTF-8, without NaN or Infinity; {error}"
        ) from error


def _records(content: object) -> object:
    shape = 'an object {"records": [...]}'
    if type(content) is not dict:
        raise RecordRefused(None, "not_an_object", allowed=shape)
    fields = cast("dict[str, object]", content)
    if "records" not in fields:
        raise RecordRefused("records", "missing", allowed=shape)
    if len(fields) > 1:
        unknown = next(name for name in fields if name != "records")
        raise RecordRefused(unknown[:1024], "unknown_field", allowed=shape)
    return fields["records"]
