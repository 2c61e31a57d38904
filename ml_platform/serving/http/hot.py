"""POST /predict and /predict-batch, answered in the callback of uvicorn's HTTP parser.

A subclass of uvicorn's httptools protocol: a hot request has no ASGI scope, no task and no
middleware. Every other request goes on to uvicorn as it came, and so does a hot one that stands
behind such a request in a pipeline: the mounted ASGI route gives the same answer.
"""

from asyncio import TimerHandle, Transport
from time import perf_counter
from typing import Any, ClassVar

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ml_platform.serving.answers import JsonReply, failure
from ml_platform.serving.http.desk import Desk, is_large, key_of, plain_header
from ml_platform.serving.http.line import (
    CONTINUE,
    Encoder,
    Line,
    Place,
    is_sampled,
    length_of,
    request_id_of,
)

HOT_ROUTES = ("/predict", "/predict-batch")
MOST_OWED = 16
"""Answers that a connection may wait for before it is read no further."""

MOST_HEAD = 64 * 1024
"""Bytes of request line and headers, beyond the first packet."""

_HOT = {route.encode(): route for route in HOT_ROUTES}
_NOT_HTTP = failure(400, reason="not_http", allowed="a request of HTTP/1.0 or HTTP/1.1")
_LONG_HEAD = failure(
    431, reason="headers_too_large", allowed=f"at most {MOST_HEAD:,} bytes of headers"
)


class HotProtocol(HttpToolsProtocol):
    """One connection; `seam.install` makes a subclass that knows the worker's desk.

    traced: a request that its caller's tracing keeps goes on to uvicorn, to get its span there.
    """

    encoder: ClassVar[Encoder]
    traced: ClassVar[bool] = False
    parser: Any
    cycle: Any  # uvicorn's request under way, or our line of answers in its place

    @staticmethod
    def desk_of() -> Desk | None:
        """Return the worker's desk; where there is none every request goes on to uvicorn."""
        return None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._line = Line()
        self._place: Place | None = None  # of the hot request that is arriving
        self._desk: Desk | None = None
        self._arriving = False
        self._in_head = False
        self._head = 0
        self._received = 0.0  # when the first byte of the request that is arriving came
        self._ending = False  # what comes now is not read
        self._deadline: TimerHandle | None = None
        self._idle: TimerHandle | None = None
        self._stalled: TimerHandle | None = None
        self._quiet_since = 0.0

    # What the transport tells

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Start; a client that then sends nothing is not waited for longer than another."""
        super().connection_made(transport)
        self._desk = self.desk_of()
        self._expect_by_deadline()

    def data_received(self, data: bytes) -> None:
        """Parse what came; the callbacks below answer it."""
        if self._ending:
            return
        if self._in_head:
            self._head += len(data)
            if self._head > MOST_HEAD:
                self._end_with(self._turned_away(_LONG_HEAD, "headers_too_large"))
                return
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._upgrade()
        except httptools.HttpParserError:
            self.logger.warning("Invalid HTTP request received.")
            self._end_with(self._turned_away(_NOT_HTTP, "not_http"))
            return
        if self._arriving:
            self._expect_by_deadline()
        if len(self._line.places) > MOST_OWED:
            self.flow.pause_reading()

    def eof_received(self) -> bool | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Answer a client that has said all it had to say, and hang up then."""
        cycle = self.cycle
        if self._arriving or cycle is None or cycle.response_complete:
            return None
        cycle.keep_alive = self._line.keep_alive = False
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Give up what is owed to a client that hung up; what is journaled stays so."""
        line = self._line
        line.disconnected = True
        for timer in (self._deadline, self._idle, self._stalled):
            if timer is not None:
                timer.cancel()
        arriving = self._place
        if arriving is not None:
            if arriving.desk is not None and arriving.content is None:
                arriving.desk.incomplete()  # which nobody hears
            arriving.give_up()
        for place in line.places:
            place.give_up()
        line.places.clear()
        self._ending = True
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Read no more from a client that does not read, and hang up if it stays so."""
        super().pause_writing()
        self.flow.pause_reading()
        if self._desk is not None and self._stalled is None:
            seconds = self._desk.limits.request_seconds
            self._stalled = self.loop.call_later(seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        if len(self._line.places) <= MOST_OWED:
            self.flow.resume_reading()

    # What the parser finds

    def on_message_begin(self) -> None:
        """Begin a request; uvicorn's scope is made only for one that is not hot."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._arriving = self._in_head = True
        self._head = 0
        self._received = perf_counter()

    def on_headers_complete(self) -> None:
        """Decide which way the request goes."""
        self._in_head = False
        route, desk = _HOT.get(self.url), self._desk
        if route is None or desk is None or not self._is_hot():
            if not self._ending:
                self._pass_on()
            return
        headers = dict(self.headers)
        if self.traced and is_sampled(headers):
            self._pass_on()
            return
        parser = self.parser
        keep_alive = parser.should_keep_alive() and parser.get_http_version() != "1.0"
        key = None
        if desk.keys is not None:
            key = headers.get(b"x-api-key") or key_of(headers.get(b"authorization", b""))
        called = request_id_of(headers)
        place = Place(self, route, plain_header(called) if called else "", last=not keep_alive)
        length = length_of(headers)
        refused = desk.admit(route, key=key, length=length)
        self._enter(place)
        self._place = place
        if refused is not None:
            place.last |= self.expect_100_continue  # its body may never come
            place.send(refused)
            return
        place.desk, place.large = desk, is_large(length)
        if self.expect_100_continue:
            self._say_continue(place)

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body; refuse it as soon as it is too large."""
        place = self._place
        if place is None:
            if not self._ending:
                super().on_body(body)
        elif place.desk is not None and place.content is None:
            desk = place.desk
            if place.add(body) > desk.limits.body_bytes:
                place.body = b""
                place.send(desk.too_large())

    def on_message_complete(self) -> None:
        """Answer a hot request that is complete."""
        self._arriving = False
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        place = self._place
        if place is None:
            if not self._ending:
                super().on_message_complete()
            return
        self._place = None
        if place.desk is not None and place.content is None:
            body = place.body
            place.body = b""
            place.desk.answer(
                place.route, bytes(body), place.request_id, place.send, received=self._received
            )
        if place.last:
            self._ending = True  # a request after `Connection: close` is none

    # The line of answers

    def ready(self, place: Place, reply: JsonReply) -> None:
        """Take the answer of a place, and send all that are due."""
        line = self._line
        if line.disconnected:
            return
        headers = self.server_state.default_headers
        place.content = self.encoder.encoded(reply, headers, last=place.last)
        if line.places[0] is place:
            self._send_due()

    def _enter(self, place: Place) -> None:
        line = self._line
        line.places.append(place)
        line.response_complete = False
        self.cycle = line

    def _send_due(self) -> None:
        line = self._line
        places = line.places
        while places and (content := places[0].content) is not None:
            place = places.popleft()
            self.transport.write(content)
            place.give_up()
            if place.last:
                self.transport.close()
                return
        if not places:
            self._all_sent()

    def _all_sent(self) -> None:
        line = self._line
        line.response_complete = line.response_started = True
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if not line.keep_alive:  # the server is shutting down
            self.transport.close()
        elif self.pipeline:
            self.on_response_complete()
        else:
            if not self.flow.write_paused:
                self.flow.resume_reading()
            self._quiet_since = self.loop.time()
            if self._idle is None:
                self._idle = self.loop.call_later(self.timeout_keep_alive, self._close_if_idle)

    def _say_continue(self, place: Place) -> None:
        if self._line.places[0] is place:
            self.transport.write(CONTINUE)
            return
        interim = Place(self, "", "", last=False)
        interim.content = CONTINUE
        self._line.places.insert(len(self._line.places) - 1, interim)

    # What is not hot, or not well

    def _is_hot(self) -> bool:
        cycle = self.cycle
        return (
            not self._ending
            and not self.pipeline
            and (cycle is None or cycle is self._line or cycle.response_complete)
            and self.parser.get_method() == b"POST"
            and not self.parser.should_upgrade()
        )

    def _pass_on(self) -> None:
        """Give uvicorn the request as it would have it: from its beginning."""
        if self._idle is not None:  # from its answer on uvicorn waits for the next request
            self._idle.cancel()
            self._idle = None
        url, headers, expect = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url = url
        self.headers.extend(headers)
        self.expect_100_continue = expect
        super().on_headers_complete()

    def _upgrade(self) -> None:
        if self._should_upgrade():
            self.handle_websocket_upgrade()
        else:
            self._unsupported_upgrade_warning()

    def _expect_by_deadline(self) -> None:
        if self._deadline is None and self._desk is not None:
            seconds = self._desk.limits.request_seconds
            self._deadline = self.loop.call_later(seconds, self._late)

    def _late(self) -> None:
        self._deadline = None
        if self._arriving and self._desk is not None:
            self._end_with(self._desk.too_slow())
        else:
            self.transport.close()

    def _turned_away(self, reply: JsonReply, reason: str) -> JsonReply:
        return reply if self._desk is None else self._desk.turned_away(reply, reason)

    def _end_with(self, reply: JsonReply) -> None:
        """Answer and hang up, after what is owed; in the midst of another answer just hang up."""
        self._ending = True
        place, cycle = self._place, self.cycle
        if place is not None:
            place.last = True
            if place.content is None:
                place.send(reply)
            else:
                self.transport.close()
            return
        if cycle is not None and cycle is not self._line and not cycle.response_complete:
            if cycle.response_started or self.pipeline:
                self.transport.close()
                return
            cycle.disconnected = True  # the application's answer comes too late
            cycle.message_event.set()
        ending = Place(self, "", "", last=True)
        self._enter(ending)
        ending.send(reply)

    def _close_if_idle(self) -> None:
        self._idle = None
        cycle = self.cycle
        quiet = self.loop.time() - self._quiet_since
        if self._arriving or (cycle is not None and not cycle.response_complete):
            quiet = 0.0
        if quiet >= self.timeout_keep_alive:
            self.transport.close()
        else:
            self._idle = self.loop.call_later(self.timeout_keep_alive - quiet, self._close_if_idle)
