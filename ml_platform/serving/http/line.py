"""The answers that one connection still owes its client, in the order of the questions."""

from collections import deque
from http import HTTPStatus
from typing import Protocol

from ml_platform.serving.answers import JsonReply
from ml_platform.serving.http.desk import Desk, headers_of

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_TRACEPARENT = len("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
_ODD = b"13579bdf"
_CLOSE = b"connection: close\r\n"
_STATUS = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}


class Owner(Protocol):
    """The connection that a place in the line belongs to."""

    def ready(self, place: "Place", reply: JsonReply) -> None:
        """Take the answer of a place."""
        ...


class Place:
    """One request's place in the line, from its headers to its answer on the wire.

    content: the bytes of the answer, None until it is there.
    last: the connection ends with this answer.
    desk: told when the place is given up; None for a request that was not admitted.
    """

    __slots__ = ("body", "content", "desk", "large", "last", "owner", "request_id", "route")

    def __init__(self, owner: Owner, route: str, request_id: str, *, last: bool) -> None:
        self.owner = owner
        self.route = route
        self.request_id = request_id
        self.last = last
        self.body: bytes | bytearray = b""
        self.content: bytes | None = None
        self.desk: Desk | None = None
        self.large = False

    def send(self, reply: JsonReply) -> None:
        """Take the answer; it goes out once those before it have."""
        self.owner.ready(self, reply)

    def add(self, piece: bytes) -> int:
        """Take a piece of the body; return the size of what is there."""
        if not self.body:
            self.body = piece
        else:
            if type(self.body) is bytes:
                self.body = bytearray(self.body)
            self.body += piece
        return len(self.body)

    def give_up(self) -> None:
        """Let another request in."""
        if self.desk is not None:
            self.desk.leave(large=self.large)
            self.desk = None


class Line:
    """The places of a connection; to uvicorn it looks like the request under way."""

    __slots__ = (
        "disconnected", "keep_alive", "message_event", "places", "response_complete",
        "response_started",
    )  # fmt: skip

    def __init__(self) -> None:
        self.places: deque[Place] = deque()
        self.response_complete = True
        self.response_started = False
        self.disconnected = False
        self.keep_alive = True
        self.message_event = _Unheard()


class _Unheard:
    def set(self) -> None:
        """Wake nobody: no coroutine waits for a hot request."""


class Encoder:
    """Answers as bytes; the start of a good one is made once a second, when the date changes."""

    def __init__(self) -> None:
        self._headers: list[tuple[bytes, bytes]] | None = None
        self._common = b""
        self._good = b""

    def encoded(self, reply: JsonReply, headers: list[tuple[bytes, bytes]], *, last: bool) -> bytes:
        """Return the whole answer, the same bytes as uvicorn makes of it.

        headers: those that the server gives every answer, such as the date.
        """
        if headers is not self._headers:
            self._headers = headers
            self._common = b"".join(b"%b: %b\r\n" % header for header in headers)
            self._good = _STATUS[200] + self._common + b"content-length: "
        body = reply.body
        if reply.status == 200:
            return b"%b%d\r\ncontent-type: application/json\r\n%b\r\n%b" % (
                self._good, len(body), _CLOSE if last else b"", body,
            )  # fmt: skip
        own = "".join(f"{name}: {value}\r\n" for name, value in headers_of(reply).items())
        closing = _CLOSE if last else b""
        return b"".join((_STATUS[reply.status], self._common, own.encode(), closing, b"\r\n", body))


def request_id_of(headers: dict[bytes, bytes]) -> bytes:
    """Return what the client calls its request: X-Request-ID, else the trace of `traceparent`."""
    found = headers.get(b"x-request-id")
    if found is not None:
        return found
    trace = headers.get(b"traceparent")
    return trace[3:35] if trace is not None else b""


def is_sampled(headers: dict[bytes, bytes]) -> bool:
    """Tell whether the caller's tracing keeps this request: the last bit of `traceparent`.

    >>> is_sampled({b"traceparent": b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"})
    True
    >>> is_sampled({b"traceparent": b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"})
    False
    """
    trace = headers.get(b"traceparent")
    return trace is not None and len(trace) >= _TRACEPARENT and trace[_TRACEPARENT - 1] in _ODD


def length_of(headers: dict[bytes, bytes]) -> int | None:
    """Return the announced size of a body, 0 when there is none, None when it is not known."""
    if b"transfer-encoding" in headers:
        return None
    announced = headers.get(b"content-length", b"0")
    return int(announced) if announced.isdigit() else 0
