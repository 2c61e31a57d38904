"""What every request passes on its way to `Replies`, whichever road it came by.

The hot protocol and the mounted ASGI routes both hand their requests to one `Desk`: it asks for
keys, refuses what is too large or too much, answers through `Replies`, and lets an answer go
when the journal has its records.
"""

import logging
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, Protocol

from ml_platform.exceptions import BodyTooLarge
from ml_platform.serving.answers import JsonReply, failure, refusal
from ml_platform.serving.http.keys import ApiKeys
from ml_platform.spec.serving import LimitsSpec

Done = Callable[[Exception | None], None]
Send = Callable[[JsonReply], None]

RETRY_AFTER = 1
"""Seconds after which a client that was turned away for load may come again."""

LARGE = 64 * 1024
MOST_LARGE = 64
"""Bodies over `LARGE` bytes, or of unknown size, that a worker gathers at once: with the limit of a
body they bound the memory that requests can take."""

ROUTES = (
    "GET /health, POST /predict, POST /predict-batch, POST /feedback, GET /model, GET /metrics, "
    "GET /openapi.json, GET /docs"
)

_log = logging.getLogger(__name__)


class JournalLike(Protocol):
    """What the desk wants of a journal."""

    def add(self, records: Sequence[bytes], done: Done, /) -> None:
        """Write the records, then call `done`, with an error when they could not be written."""
        ...


class DoorLike(Protocol):
    """What the desk counts in."""

    def refused(self, reason: str) -> None:
        """Count a refusal."""
        ...

    def failed(self, kind: str) -> None:
        """Count a fault of the service."""
        ...


class RepliesLike(Protocol):
    """What the desk wants of `Replies`."""

    def health(self) -> JsonReply:
        """Answer `GET /health`."""
        ...

    def model(self) -> JsonReply:
        """Answer `GET /model`."""
        ...

    def predict(
        self, body: bytes, *, request_id: str = "", received: float | None = None
    ) -> JsonReply:
        """Answer `POST /predict`."""
        ...

    def predict_batch(
        self, body: bytes, *, request_id: str = "", received: float | None = None
    ) -> JsonReply:
        """Answer `POST /predict-batch`."""
        ...

    def feedback(self, body: bytes) -> JsonReply:
        """Answer `POST /feedback`."""
        ...


class Desk:
    """Answers the POST routes of one worker.

    keys: who may ask; None lets everybody predict.
    exposed: the service listens beyond loopback, so that `/feedback` always needs a key.
    door: counts what `Replies` does not; for the metrics.
    """

    def __init__(
        self,
        replies: RepliesLike,
        journal: JournalLike,
        *,
        limits: LimitsSpec,
        door: DoorLike,
        keys: ApiKeys | None = None,
        exposed: bool = True,
    ) -> None:
        self.replies = replies
        self.keep_to(limits)
        self.keys = keys
        self.in_flight = 0
        self._large = 0
        self._journal = journal
        self._exposed = exposed
        self._door = door
        self._answers: dict[str, Callable[[bytes, str, float], JsonReply]] = {
            "/predict": lambda body, request_id, received: replies.predict(
                body, request_id=request_id, received=received
            ),
            "/predict-batch": lambda body, request_id, received: replies.predict_batch(
                body, request_id=request_id, received=received
            ),
            "/feedback": lambda body, _, __: replies.feedback(body),
        }

    def keep_to(self, limits: LimitsSpec) -> None:
        """Refuse by these limits from now on."""
        self.limits = limits
        self._too_large = refusal(BodyTooLarge(limit=limits.body_bytes))

    def admit(self, route: str, *, key: bytes | None, length: int | None) -> JsonReply | None:
        """Return why a request is refused by its headers alone; None lets it in.

        key: the API key that came with it. length: the announced size of its body, if it is.
        Who is let in is under way until `leave`.
        """
        large = is_large(length)
        if self.in_flight >= self.limits.in_flight or (large and self._large >= MOST_LARGE):
            return self.turned_away(_OVERLOADED, "overloaded")
        if self.keys is not None:
            if not self.keys.know(key):
                return self.turned_away(_NO_KEY, "unauthorized")
        elif self._exposed and route == "/feedback":
            return self.turned_away(_NO_KEYS_HERE, "keys_required")
        if length is not None and length > self.limits.body_bytes:
            return self.too_large()
        self.in_flight += 1
        self._large += large
        return None

    def leave(self, *, large: bool) -> None:
        """Say that an admitted request is answered, or that its client has gone."""
        self.in_flight -= 1
        self._large -= large

    def too_large(self) -> JsonReply:
        """Return the refusal of a body over the limit."""
        return self.turned_away(self._too_large, "body_too_large")

    def too_slow(self) -> JsonReply:
        """Return the refusal of a request that did not arrive in time."""
        seconds = f"a complete request within {self.limits.request_seconds:g} s"
        return self.turned_away(failure(408, reason="too_slow", allowed=seconds), "too_slow")

    def incomplete(self) -> JsonReply:
        """Return the refusal of a request whose client hung up before its body was complete."""
        return self.turned_away(_INCOMPLETE, "incomplete_body")

    def no_route(self, status: int) -> JsonReply:
        """Return the refusal of what is no route of ours: 404, or 405 for another method."""
        reason = "method_not_allowed" if status == 405 else "not_found"
        return self.turned_away(failure(status, reason=reason, allowed=ROUTES), reason)

    def internal_error(self) -> JsonReply:
        """Return the answer to what fails by the fault of the service."""
        self._door.failed("internal_error")
        return _INTERNAL_ERROR

    def answer(
        self, route: str, body: bytes, request_id: str, send: Send, *, received: float
    ) -> None:
        """Answer an admitted request; `send` gets the answer once the journal has its records.

        received: `perf_counter()` when its first byte came.
        """
        try:
            reply = self._answers[route](body, request_id, received)
        except Exception:  # whatever it is, the client gets an answer and the worker lives
            _log.exception("%s failed", route)
            reply = self.internal_error()
        if not reply.records:
            send(reply)
            _time(reply, received)
            return

        def done(error: Exception | None) -> None:
            send(reply if error is None else self._unlogged(error))
            _time(reply, received)

        self._journal.add(reply.records, done)

    def _unlogged(self, error: Exception) -> JsonReply:
        return self.turned_away(
            failure(503, reason="journal_unavailable", allowed=str(error), retry_after=RETRY_AFTER),
            "journal_unavailable",
        )

    def turned_away(self, reply: JsonReply, reason: str) -> JsonReply:
        """Count a refusal; return its answer."""
        self._door.refused(reason)
        return reply


def _time(reply: JsonReply, received: float) -> None:
    """Tell what is timed in an answer how long it took; the wait for the journal is in it."""
    if reply.timed:
        request_us = int((perf_counter() - received) * 1e6)
        for each in reply.timed:
            each.took(request_us)


def is_large(length: int | None) -> bool:
    """Return whether a body of that announced size, or of none, counts as large."""
    return length is None or length > LARGE


def plain_header(value: bytes) -> str:
    """Return a request id as it may stand in a journal; empty when it is none."""
    if len(value) > _ID_LENGTH or not value.isascii():
        return ""
    text = value.decode("ascii")
    return text if text.isprintable() else ""


def key_of(header: bytes) -> bytes | None:
    """Return the key in an `Authorization: Bearer ...` header; None for other schemes."""
    scheme, _, key = header.partition(b" ")
    return key.strip() if scheme.lower() == b"bearer" else None


_ID_LENGTH = 128

_INCOMPLETE = failure(400, reason="incomplete_body", allowed="a complete body")
_INTERNAL_ERROR = failure(
    500, reason="internal_error", allowed="this is the service's fault; see its log"
)
_OVERLOADED = failure(
    503,
    reason="overloaded",
    allowed="fewer requests at once; come again after Retry-After",
    retry_after=RETRY_AFTER,
)
_NO_KEY = failure(
    401, reason="unauthorized", allowed="an API key: Authorization: Bearer KEY, or X-API-Key: KEY"
)
_NO_KEYS_HERE = failure(
    403,
    reason="keys_required",
    allowed="a service that listens beyond this machine takes feedback only with an API key, and "
    "none is configured: set ML_PLATFORM_API_KEYS_FILE",
)


def headers_of(reply: JsonReply, *, content_type: str = "application/json") -> dict[str, Any]:
    """Return the headers of an answer, in the order in which both roads send them."""
    headers = {"content-length": str(len(reply.body)), "content-type": content_type}
    if reply.retry_after is not None:
        headers["retry-after"] = str(reply.retry_after)
    if reply.status == 401:
        headers["www-authenticate"] = "Bearer"
    return headers
