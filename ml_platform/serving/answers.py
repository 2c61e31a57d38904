"""The bytes of an answer, and of a refusal; knows no web framework."""

from typing import Any, NamedTuple, Protocol, cast

import orjson

from ml_platform.exceptions import PredictionFailed, RecordRefused
from ml_platform.serving.nesting import too_deep

BATCH = 'an object {"records": [...]}'


class Timed(Protocol):
    """What is told how long a request took."""

    def took(self, request_us: int, /) -> None:
        """Count the microseconds from a request's first byte to its answer."""
        ...


class JsonReply(NamedTuple):
    """An HTTP status, a JSON body, and what must be in the journal before it is sent.

    records: the payloads of journal records; the answer waits until they are written.
    retry_after: seconds after which the client may ask again; None where that is no use.
    timed: told of each prediction in it how long the request took, once the answer is sent.
    """

    status: int
    body: bytes
    records: tuple[bytes, ...] = ()
    retry_after: int | None = None
    timed: tuple[Timed, ...] = ()


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


def failure(status: int, *, reason: str, allowed: str, retry_after: int | None = None) -> JsonReply:
    """Return an answer for what is no field's fault."""
    content = {"field": None, "reason": reason, "allowed": allowed}
    return JsonReply(status, orjson.dumps({"error": content}), (), retry_after)


def parsed(body: bytes, depth: int) -> object:
    """Return the content of a JSON body, nested at most `depth`. Raises RecordRefused."""
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RecordRefused(
            None, "not_json", allowed=f"a JSON object in UTF-8, without NaN or Infinity; {error}"
        ) from error
    if too_deep(body, content, limit=depth):
        raise RecordRefused(
            None, "too_deep", allowed=f"lists and objects nested at most {depth} deep"
        )
    return content


def parsed_batch(body: bytes, depth: int) -> object:
    """Return what a body says its records are. Raises RecordRefused."""
    content = parsed(body, depth)
    if type(content) is not dict:
        raise RecordRefused(None, "not_an_object", allowed=BATCH)
    fields = cast("dict[str, object]", content)
    if "records" not in fields:
        raise RecordRefused("records", "missing", allowed=BATCH)
    if len(fields) > 1:
        unknown = next(name for name in fields if name != "records")
        raise RecordRefused(unknown[:1024], "unknown_field", allowed=BATCH)
    return fields["records"]
