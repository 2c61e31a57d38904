"""The same conversation by both roads: the hot protocol, and the mounted ASGI routes."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_platform.serving.http.keys import ApiKeys, new_key
from ml_platform.spec.serving import LimitsSpec
from ml_platform_tests.serving.http.standin import END, StandIn, received, standin
from ml_platform_tests.waiting import until

LIMITS = LimitsSpec(body_bytes=2000, request_seconds=0.4, in_flight=8)


@pytest.fixture(scope="module", params=[True, False], ids=["hot", "asgi"])
def server(request: pytest.FixtureRequest) -> Iterator[StandIn]:
    with standin(hot=request.param, limits=LIMITS) as counter:
        yield counter


@pytest.fixture(scope="module")
def hot() -> Iterator[StandIn]:
    with standin(limits=LIMITS) as counter:
        yield counter


def post(body: bytes, *headers: str, route: str = "/predict", version: str = "1.1") -> bytes:
    lines = [f"POST {route} HTTP/{version}", "Host: x", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chunked(*pieces: bytes) -> bytes:
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (*pieces, b""))


def bodies(answer: bytes) -> list[bytes]:
    return re.findall(rb"\r\n\r\n(\{.*?\})(?=HTTP/1.1|$)", answer)


def statuses(answer: bytes) -> list[int]:
    return [int(found) for found in re.findall(rb"HTTP/1.1 (\d+) ", answer)]


def undated(answer: bytes) -> bytes:
    return re.sub(rb"date: [^\r]+\r\n", b"", answer)


CONVERSATIONS = {
    "a prediction": post(b"a"),
    "an empty body": post(b""),
    "a batch": post(b"a", route="/predict-batch"),
    "journaled": post(b"log a"),
    "a refusal": post(b"refuse"),
    "a fault": post(b"raise"),
    "a request id": post(b"a", "X-Request-ID: mine"),
    "a trace": post(b"a", "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    "an id that cannot be logged": post(b"a", "X-Request-ID: " + "x" * 200),
    "chunks": chunked(b"one ", b"two"),
    "old": post(b"a", version="1.0"),
    "old that would stay": post(b"a", "Connection: keep-alive", version="1.0"),
    "the last": post(b"a", "Connection: close") + post(b"b"),
    "two": post(b"a") + post(b"b"),
    "two journaled": post(b"log a") + post(b"log b"),
    "a refusal behind one journaled": post(b"log a") + post(b"refuse") + post(b"c"),
    "other routes between": post(b"log a") + b"GET /health HTTP/1.1\r\n\r\n" + post(b"log b"),
    "a query": post(b"a", route="/predict?x=1"),
    "an absolute address": post(b"a", route="http://x/predict"),
    "HEAD": b"HEAD /predict HTTP/1.1\r\n\r\n" + post(b"a"),
    "GET": b"GET /predict HTTP/1.1\r\n\r\n" + post(b"a"),
    "feedback": post(b"log", route="/feedback"),
    "announced too large": post(b"x" * 2001) + post(b"a"),
    "chunks too large": chunked(b"x" * 1500, b"y" * 1500, b"z" * 1500) + post(b"a"),
    "no websocket": post(b"a", "Upgrade: h2c", "Connection: Upgrade"),
}


def test_both_roads_give_the_same_bytes():
    with standin(limits=LIMITS) as hot, standin(hot=False, limits=LIMITS) as asgi:
        for name, conversation in CONVERSATIONS.items():
            one, other = hot.exchange(conversation), asgi.exchange(conversation)
            assert undated(one) == undated(other), name
            assert hot.journal.written == asgi.journal.written, name
            assert statuses(one), name
        assert hot.desk.in_flight == asgi.desk.in_flight == 0
        refused, other = ({**server.door.refusals, "not_found": 0} for server in (hot, asgi))
        assert refused == other, "but for END, which may come after the server hung up"
        assert hot.door.errors == asgi.door.errors == {"internal_error": 1}


def test_requests_in_pieces_are_answered(server: StandIn):
    whole = post(b"body in pieces")
    answer = server.exchange(whole[:9], whole[9:50], whole[50:70], whole[70:])

    assert b'"body in pieces"' in answer


def test_answers_keep_their_order_while_the_journal_is_slow(server: StandIn):
    server.journal.held = True
    requests = [post(b"log 1"), post(b"2"), post(b"log 3"), b"GET /health HTTP/1.1\r\n\r\n"]
    try:
        with server.connect() as connection:
            connection.sendall(b"".join([*requests, post(b"log 4"), post(b"5"), END]))
            connection.settimeout(0.1)
            with pytest.raises(TimeoutError):
                connection.recv(1)
            server.journal.held = False
            server.release_journal()
            answer = received(connection)
    finally:
        server.journal.held = False

    said = [re.sub(rb'","request_id":""', b"", body) for body in bodies(answer)]
    assert said == [
        b'{"body":"log 1}', b'{"body":"2}', b'{"body":"log 3}', b'{"status":"ok"}',
        b'{"body":"log 4}', b'{"body":"5}', said[-1],
    ]  # fmt: skip


def test_answer_waits_for_the_journal_and_is_503_when_it_cannot_write(server: StandIn):
    server.journal.error = OSError("the disk is full")
    try:
        answer = server.exchange(post(b"log a"))
    finally:
        server.journal.error = None

    assert statuses(answer) == [503]
    assert b"retry-after: 1\r\n" in answer
    assert b"journal_unavailable" in answer


def test_request_is_timed_until_the_journal_has_it(server: StandIn):
    timed = server.replies.request_us
    timed.clear()
    server.journal.held = True
    try:
        with server.connect() as connection:
            connection.sendall(post(b"log a") + END)
            until(lambda: server.journal.waiting)
            assert timed == [], "it is not answered yet"
            server.journal.held = False
            server.release_journal()
            assert statuses(received(connection))[0] == 200
    finally:
        server.journal.held = False
    assert len(timed) == 1
    server.exchange(post(b"b"))
    assert len(timed) == 2, "and so is one that is not journaled"


def test_request_is_timed_from_before_its_body(server: StandIn):
    with server.connect() as connection:
        head, _, body = post(b"late body", "Expect: 100-continue").partition(b"\r\n\r\n")
        connection.sendall(head + b"\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        before_the_body = time.perf_counter()
        connection.sendall(body + END)
        assert b"late body" in received(connection)
    told = server.replies.received[-1]
    assert told is not None
    assert told < before_the_body


def test_continue_is_said_before_the_body_and_not_before_a_refusal(server: StandIn):
    with server.connect() as connection:
        head, _, body = post(b"late body", "Expect: 100-continue").partition(b"\r\n\r\n")
        connection.sendall(head + b"\r\n\r\n")
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body + END)
        assert b"late body" in received(connection)
    with server.connect() as connection:
        connection.sendall(post(b"x" * 3000, "Expect: 100-continue")[:-3000])
        refused = received(connection)
    assert statuses(refused) == [413]
    assert b"connection: close\r\n" in refused


def test_connection_is_kept_and_closed_as_asked(server: StandIn):
    with server.connect() as connection:
        for number in range(3):
            connection.sendall(post(b"%d" % number))
            assert b'"body":"%d"' % number in connection.recv(1000)
        connection.sendall(post(b"last", "Connection: close"))
        assert b"connection: close" in received(connection)
        assert connection.recv(1) == b""


def test_body_that_never_ends_is_refused_in_time(server: StandIn):
    with server.connect() as connection:
        connection.sendall(post(b"x" * 100)[:-50])
        answer = received(connection)
        assert connection.recv(1) == b"", "it is hung up on while half of its body is still to come"

    assert statuses(answer) == [408]
    assert b"too_slow" in answer
    assert server.desk.in_flight == 0


@pytest.mark.parametrize("start", [b"", b"POST /predict HT", b"POST /predict HTTP/1.1\r\nHost: x"])
def test_head_that_never_ends_is_not_waited_for(hot: StandIn, start: bytes):
    with hot.connect() as connection:
        connection.sendall(start)
        answer = received(connection)

    assert statuses(answer) == ([408] if start else [])


def test_other_routes_are_not_waited_for_either(hot: StandIn):
    with hot.connect() as connection:
        connection.sendall(post(b"x" * 100, route="/feedback")[:-50])
        assert statuses(received(connection)) == [408]


def test_client_that_hangs_up_frees_its_place(server: StandIn):
    server.journal.held = True
    for request in (post(b"log a"), post(b"half")[:-2], post(b"log a") + post(b"log b")):
        connection = server.connect()
        connection.sendall(request)
        threading.Event().wait(0.05)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()
    threading.Event().wait(0.05)
    server.journal.held = False
    server.release_journal()
    threading.Event().wait(0.05)

    assert server.desk.in_flight == 0
    assert statuses(server.exchange(post(b"a"))) == [200]


@pytest.mark.parametrize("route", ["/predict", "/feedback"])
def test_client_that_only_listens_any_more_gets_its_answer(hot: StandIn, route: str):
    with hot.connect() as connection:
        connection.sendall(post(b"log a", route=route) * 2)
        connection.shutdown(socket.SHUT_WR)
        assert statuses(received(connection)) == [200, 200]
        assert connection.recv(1) == b""


def test_more_than_may_be_under_way_is_turned_away_at_once(server: StandIn):
    server.journal.held = True
    waiting = [server.connect() for _ in range(LIMITS.in_flight)]
    try:
        for connection in waiting:
            connection.sendall(post(b"log a", "Connection: close"))
        threading.Event().wait(0.1)
        answer = server.exchange(post(b"log b"))
    finally:
        server.journal.held = False
        server.release_journal()
        answers = [received(connection) for connection in waiting]
        for connection in waiting:
            connection.close()

    assert statuses(answer) == [503]
    assert b"retry-after: 1\r\n" in answer
    assert [statuses(found) for found in answers] == [[200]] * LIMITS.in_flight
    assert server.desk.in_flight == 0
    assert "overloaded" in server.door.refusals


def test_pipeline_longer_than_its_limit_is_answered_whole(hot: StandIn):
    answer = hot.exchange(b"".join(post(b"%d" % number) for number in range(500)))
    said = [int(found) for found in re.findall(rb'"body":"(\d+)"', answer)]
    assert said == list(range(500))


@pytest.mark.parametrize(
    "nonsense",
    [b"\0\0\0\0", b"POST\r\n\r\n", b"POST /predict HTTP/9\r\n\r\n", b"\x16\x03\x01\x02\x00",
     b"POST /predict HTTP/1.1\r\nContent-Length: x\r\n\r\n",
     b"POST /predict HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
)  # fmt: skip
def test_what_is_no_http_is_refused_after_what_is_owed(hot: StandIn, nonsense: bytes):
    answer = hot.exchange(post(b"log a") + nonsense)

    assert statuses(answer) == [200, 400]
    assert b"not_http" in answer


def test_endless_headers_are_refused(hot: StandIn):
    with hot.connect() as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\n")
        line = b"X-%d: " + b"y" * 4000 + b"\r\n"
        try:
            for number in range(200):
                connection.sendall(line % number)
        except ConnectionError:
            return
        assert statuses(received(connection)) == [431]


def test_connection_in_use_stays_by_whichever_road_its_requests_go():
    other = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    with standin(keep_alive=1) as hot, hot.connect() as connection:
        for number, request in enumerate([post(b"a"), *[other] * 12, post(b"b"), *[other] * 6]):
            connection.sendall(request)
            assert statuses(connection.recv(65536)) == [200], f"request {number}"
            time.sleep(0.2)


def test_keep_alive_ends_when_nobody_asks():
    with standin(keep_alive=1) as hot, hot.connect() as connection:
        connection.sendall(post(b"a"))
        assert connection.recv(1000)
        assert connection.recv(1) == b"", "the server hangs up, the client did not"


def test_shutdown_sends_what_is_owed_first():
    with standin() as hot:
        hot.journal.held = True
        with hot.connect() as idle, hot.connect() as connection:
            connection.sendall(post(b"log a"))
            threading.Event().wait(0.05)
            hot.server.should_exit = True
            threading.Event().wait(0.3)
            hot.journal.held = False
            hot.release_journal()
            assert statuses(received(connection)) == [200]
            assert received(idle) == b""


@pytest.mark.parametrize("hot", [True, False], ids=["hot", "asgi"])
def test_key_is_needed_where_keys_are_configured(hot: bool, tmp_path: Path):
    file = tmp_path / "keys"
    key = new_key(file, "shop")
    with standin(hot=hot, keys=ApiKeys(file)) as server:
        assert statuses(server.exchange(post(b"a"))) == [401]
        assert statuses(server.exchange(post(b"a", f"Authorization: Bearer {key}"))) == [200]
        assert statuses(server.exchange(post(b"a", f"authorization: bearer {key}"))) == [200]
        assert statuses(server.exchange(post(b"a", f"X-API-Key: {key}"))) == [200]
        assert statuses(server.exchange(post(b"a", f"X-API-Key: {key}x"))) == [401]
        assert statuses(server.exchange(post(b"a", f"Authorization: Basic {key}"))) == [401]
        assert statuses(server.exchange(b"GET /health HTTP/1.1\r\n\r\n")) == [200]


@pytest.mark.parametrize(("exposed", "status"), [(True, 403), (False, 200)])
def test_feedback_from_beyond_this_machine_needs_a_key(exposed: bool, status: int):
    with standin(exposed=exposed) as server:
        assert statuses(server.exchange(post(b"log", route="/feedback"))) == [status]
        assert statuses(server.exchange(post(b"a"))) == [200]
