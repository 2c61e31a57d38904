"""Each reason in the documented table of refusals: given over HTTP, in one shape, and counted."""

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from ml_platform.data.contract import ColumnContract
from ml_platform.serving.counters import Counters
from ml_platform.serving.http.keys import ApiKeys, new_key
from ml_platform.serving.live.fixed import FixedRelease
from ml_platform.serving.predictor import Predictor
from ml_platform.serving.recorder import Recorder
from ml_platform.serving.records import RecordChecker
from ml_platform.serving.replies import Replies
from ml_platform.spec.serving import LimitsSpec
from ml_platform_tests.serving.http.standin import StandIn, received, standin
from ml_platform_tests.serving.live.fakes import FakeModel
from ml_platform_tests.waiting import until

DOCUMENT = Path(__file__).parents[2] / "docs" / "http-api.md"
DOCUMENTED = dict(re.findall(r"^\| \d+ \| `(\w+)` \| (.*) \|$", DOCUMENT.read_text(), re.MULTILINE))
FROM_PYTHON = {"not_finite"}
"""JSON cannot say it, so no service can be asked it."""

LIMITS = LimitsSpec(body_bytes=2000, records=2, text=20, request_seconds=0.4)
COLUMNS = {
    "x": ColumnContract(dtype="float64", max=1),
    "kind": ColumnContract(dtype="category", allowed=("a", "b")),
    "note": ColumnContract(dtype="string"),
}
GOOD = {"x": 0.5, "kind": "a", "note": ""}


def act(record: Mapping[str, Any]) -> float | None:
    if record["note"] == "bug":
        raise RuntimeError("a fault of the service")
    return float("nan") if record["note"] == "nan" else None


class Service:
    """A server with real replies, and what they count."""

    def __init__(self, *, journal: bool = True) -> None:
        self.counters = Counters()
        checker = RecordChecker(COLUMNS, list(COLUMNS), limits=LIMITS)
        self.replies = Replies(
            FixedRelease(Predictor(FakeModel(act), checker, version="3"), self.counters),
            about=lambda: {"model": "delays"},
            counters=self.counters,
            limits=LIMITS,
            recorder=Recorder(time.time) if journal else None,
        )
        self.server: StandIn

    def counted(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for counts in self.counters.snapshot().values():
            found.update(counts.refusals)
            found.update(counts.errors)
        return found

    def ask(self, sent: bytes) -> bytes:
        with self.server.connect() as connection:
            with suppress(ConnectionError):  # it may be hung up on before it has said it all
                connection.sendall(sent)
            return received(connection)


@contextmanager
def serving(*, journal: bool = True, **options: Any) -> Iterator[Service]:
    service = Service(journal=journal)
    answering = (service.replies, service.counters.door)
    with standin(limits=LIMITS, answering=answering, **options) as service.server:
        yield service


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with serving() as found:
        yield found


def post(content: object, route: str = "/predict") -> bytes:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    head = f"POST {route} HTTP/1.1\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def get(route: str) -> bytes:
    return f"GET {route} HTTP/1.1\r\nConnection: close\r\n\r\n".encode()


def batch(*records: object) -> bytes:
    return post({"records": records}, "/predict-batch")


SENT = {
    "not_json": post(b"{"),
    "not_an_object": post([]),
    "missing": post({}),
    "unknown_field": post(GOOD | {"y": 1}),
    "null": post(GOOD | {"x": None}),
    "wrong_type": post(GOOD | {"x": "much"}),
    "out_of_range": post(GOOD | {"x": 2}),
    "not_allowed": post(GOOD | {"kind": "c"}),
    "too_long": post(GOOD | {"note": "n" * 21}),
    "too_many": batch(GOOD, GOOD, GOOD),
    "repeated": batch(*[GOOD | {"prediction_id": "a"}] * 2),
    "too_deep": post([[[[[[]]]]]]),
    "not_http": b"\0\0\0\0",
    "not_found": get("/nothing"),
    "method_not_allowed": get("/predict"),
    "too_slow": post(GOOD)[:-1],
    "body_too_large": post(b"x" * 2001),
    "headers_too_large": get("/health")[:-2] + b"X: %b\r\n" % (b"y" * 2**20),
    "internal_error": post(GOOD | {"note": "bug"}),
    "prediction_failed": post(GOOD | {"note": "nan"}),
}
"""What is answered with a reason by a service that lacks nothing."""

LABELS = {
    "not_json": b"{",
    "not_an_object": b"1",
    "missing": b"{}",
    "unknown_field": b'{"y": 1}',
    "null": b'{"key": "a", "label": null}',
    "wrong_type": b'{"key": []}',
    "too_many": b"[1, 2, 3]",
}


def hung_up(service: Service, route: str) -> bytes:
    with service.server.connect() as connection:
        connection.sendall(post(GOOD, route)[:-1])
        time.sleep(0.05)  # it is read before the end is seen
    return b""


def overloaded(service: Service) -> bytes:
    desk = service.server.desk
    desk.in_flight += LIMITS.in_flight
    answer = service.ask(post(GOOD))
    desk.in_flight -= LIMITS.in_flight
    return answer


def disk_full(service: Service) -> bytes:
    service.server.journal.error = OSError("the disk is full")
    answer = service.ask(post(GOOD))
    service.server.journal.error = None
    return answer


DONE: dict[str, Callable[[Service], bytes]] = {
    "incomplete_body": lambda service: hung_up(service, "/predict"),
    "overloaded": overloaded,
    "journal_unavailable": disk_full,
}
"""What takes more than a request."""


def keys(folder: Path) -> ApiKeys:
    new_key(folder / "keys", "shop")
    return ApiKeys(folder / "keys")


LACKING: dict[str, Callable[[Path], dict[str, Any]]] = {
    "unauthorized": lambda folder: {"keys": keys(folder)},
    "keys_required": lambda folder: {"exposed": True},
    "no_journal": lambda folder: {"journal": False},
}
"""How a service is made that refuses feedback for it."""


def assert_counted(service: Service, reason: str, act: Callable[[], bytes]) -> None:
    before = service.counted()
    answer = act()
    if answer:  # a client that hung up hears nothing
        error = json.loads(answer[answer.rindex(b"\r\n\r\n") :])["error"]
        assert error.keys() >= {"field", "reason", "allowed"}
        assert error["reason"] == reason
    until(lambda: service.counted() != before, "a refusal to be counted")
    assert service.counted() - before == {reason: 1}


def test_table_has_what_is_tried_here():
    assert DOCUMENTED.keys() - FROM_PYTHON == {*SENT, *DONE, *LACKING}


@pytest.mark.parametrize("reason", SENT)
def test_reason_is_counted(service: Service, reason: str):
    assert_counted(service, reason, lambda: service.ask(SENT[reason]))


@pytest.mark.parametrize("reason", LABELS)
def test_refused_label_is_counted(service: Service, reason: str):
    assert_counted(service, reason, lambda: service.ask(post(LABELS[reason], "/feedback")))


@pytest.mark.parametrize("reason", DONE)
def test_reason_that_takes_more_is_counted(service: Service, reason: str):
    assert_counted(service, reason, lambda: DONE[reason](service))


def test_incomplete_body_is_counted_by_the_application_too(service: Service):
    assert_counted(service, "incomplete_body", lambda: hung_up(service, "/feedback"))


@pytest.mark.parametrize("reason", LACKING)
def test_service_that_lacks_something_counts_it(tmp_path: Path, reason: str):
    with serving(**LACKING[reason](tmp_path)) as service:
        label = post({"key": "a", "label": 1}, "/feedback")
        assert_counted(service, reason, lambda: service.ask(label))
