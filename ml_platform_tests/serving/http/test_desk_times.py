"""How long a request took, as the desk tells it, on a clock that stands."""

from collections.abc import Sequence

import pytest

from ml_platform.serving.counters import Tally
from ml_platform.serving.http import desk as module
from ml_platform.serving.http.desk import Desk, Done
from ml_platform.spec.serving import LimitsSpec
from ml_platform_tests.serving.http.standin import EchoReplies


class SlowDisk:
    """Has the records 2.5 s later, or cannot write them."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.now = 100.0

    def add(self, records: Sequence[bytes], done: Done) -> None:
        self.now += 2.5
        done(self.error)


@pytest.mark.parametrize("error", [None, OSError("the disk is full")])
@pytest.mark.parametrize(("body", "seconds"), [(b"log a", 3.5), (b"a", 1.0)])
def test_time_goes_from_the_first_byte_to_the_answer(
    monkeypatch: pytest.MonkeyPatch, error: Exception | None, body: bytes, seconds: float
):
    replies, disk = EchoReplies(), SlowDisk(error)
    monkeypatch.setattr(module, "perf_counter", lambda: disk.now)
    desk = Desk(replies, disk, limits=LimitsSpec(), door=Tally())

    desk.answer("/predict", body, "", lambda reply: None, received=99.0)

    assert replies.received == [99.0]
    assert replies.request_us == [int(seconds * 1e6)]


def test_what_is_refused_is_not_timed():
    replies = EchoReplies()
    desk = Desk(replies, SlowDisk(), limits=LimitsSpec(), door=Tally())
    for body in (b"refuse", b"raise"):
        desk.answer("/predict", body, "", lambda reply: None, received=99.0)
    assert replies.request_us == []
