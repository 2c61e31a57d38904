"""Requests that nobody should send, and what a service says to them."""

import random
import re
import socket
from collections import Counter
from collections.abc import Iterator

import orjson

STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")
_JUNK = (
    b"", b"\0", b"\xff\xfe", b"{", b"[" * 2000, b"NaN", b"1e999", b"null", b'""', b"[]", b"{}",
    b'{"records": null}', b'{"records": [1]}', b'{"records": [[]]}', b'"\\ud800"', b"\xed\xa0\x80",
)  # fmt: skip
_VALUES = (
    None, True, -1, 0, 2**63, 2**64 - 1, 1e308, -0.0, 0.5, "", " ", "x" * 5000, "\u0000", "é", "😀",
    "2013-02-30", "9999-12-31T23:59:59+23:59", "0001-01-01T00:00:00-23:59", [], {}, [[[[[]]]]],
    {"a": {"b": {"c": {"d": {"e": 1}}}}},
)  # fmt: skip
_HEADERS = (
    b"X-Request-ID: \xff", b"X-Request-ID: " + b"y" * 300, b"traceparent: 00", b"Expect: nonsense",
    b"Content-Type: text/html", b"Authorization: Bearer", b"Authorization: \xff", b"X-API-Key: a",
    b"Connection: close", b"Connection: upgrade\r\nUpgrade: websocket", b"Accept-Encoding: gzip",
    b"Content-Length: 5", b"Content-Encoding: gzip", b"Range: bytes=0-", b"Cookie: " + b"z" * 3000,
)  # fmt: skip
_ROUTES = (
    *(b"/predict",) * 10, *(b"/predict-batch",) * 6, *(b"/feedback",) * 4, b"/health", b"/model",
    b"/openapi.json", b"/docs", b"/predict?x=1", b"/predict/", b"/%70redict", b"//predict", b"/%00",
    b"/predict%2Fx", b"*", b"http://x/predict", b"/nothing",
)  # fmt: skip
_METHODS = (b"POST",) * 8 + (b"GET", b"HEAD", b"PUT", b"OPTIONS", b"DELETE", b"PATCH")


def requests(record: dict[str, object], *, seed: int) -> Iterator[bytes]:
    """Requests without end: good ones, broken ones, and ones that are broken a little."""
    draw = random.Random(seed)
    while True:
        whole = _request(record, draw)
        if draw.random() < 0.1:
            position = draw.randrange(len(whole))
            whole = whole[:position] + draw.randbytes(3) + whole[position + draw.randrange(4) :]
        yield whole


def answers(address: tuple[str, int], sent: bytes) -> list[int]:
    """Send one request on a connection of its own; the statuses that come back."""
    with socket.create_connection(address, timeout=10) as connection:
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            content = b""
            while piece := connection.recv(65536):
                content += piece
        except ConnectionError:
            return []
    return [int(found) for found in STATUS.findall(content)]


def fuzzed(
    address: tuple[str, int], record: dict[str, object], *, count: int, seed: int
) -> tuple[Counter[int], list[bytes]]:
    """Send that many; how often each status came (0: none), and the requests that got a 5xx."""
    statuses: Counter[int] = Counter()
    failed: list[bytes] = []
    for _, sent in zip(range(count), requests(record, seed=seed), strict=False):
        found = answers(address, sent)
        statuses.update(found or [0])
        if any(status >= 500 for status in found):
            failed.append(sent)
    return statuses, failed


def _request(record: dict[str, object], draw: random.Random) -> bytes:
    body = _body(record, draw)
    head = [draw.choice(_METHODS) + b" " + draw.choice(_ROUTES) + b" HTTP/1.1", b"Host: x"]
    head += draw.sample(_HEADERS, draw.choice((0, 0, 0, 1, 2)))
    if draw.random() < 0.2:
        head.append(b"Transfer-Encoding: chunked")
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
    elif draw.random() < 0.97:
        head.append(b"Content-Length: %d" % (len(body) + draw.choice((0,) * 20 + (1, -1))))
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def _body(record: dict[str, object], draw: random.Random) -> bytes:
    if draw.random() < 0.2:
        return draw.choice(_JUNK)
    changed = dict(record)
    for _ in range(draw.choice((0, 1, 1, 2))):
        name = draw.choice([*record, "prediction_id", "more", "", "é"])
        changed[name] = draw.choice(_VALUES)
        if draw.random() < 0.2:
            changed.pop(name)
    label = {"prediction_id": draw.choice(("a", 1, None)), "label": draw.choice(_VALUES)}
    content = draw.choice((changed, changed, {"records": [changed, record]}, label, [label]))
    return orjson.dumps(content)
