"""What of its time a prediction is told: on a clock that gives one time after the other."""

import json
from pathlib import Path
from typing import Any

import pytest

from ml_platform.release.state import Action
from ml_platform.serving import replies as module
from ml_platform.serving.replies import Replies
from ml_platform_tests.serving.live.fakes import MODEL, World, loaded

RECORD = {"id": "a", "x": 0.75, "kind": None}


class Latencies:
    """A recorder that keeps the latency alone."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def prediction(self, one: Any, label: Any, latency_us: int, request_id: str) -> bytes:
        self.seen.append(latency_us)
        return b"record"

    def feedback(self, label: Any) -> bytes:
        return b"label"


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.versions = {1: loaded(1)}
    world.move(Action.PROMOTE_DIRECT, 1)
    return world


@pytest.fixture
def latencies() -> Latencies:
    return Latencies()


@pytest.fixture
def replies(world: World, latencies: Latencies, monkeypatch: pytest.MonkeyPatch) -> Replies:
    follower = world.follower()
    follower.start()
    monkeypatch.setattr(module, "perf_counter", iter((10.0, 10.5)).__next__)
    return Replies(
        follower, about=lambda: {"model": MODEL}, counters=world.counters, recorder=latencies
    )


def test_record_is_timed_from_the_first_byte_and_work_from_when_it_began(
    world: World, replies: Replies, latencies: Latencies
):
    reply = replies.predict(json.dumps(RECORD).encode(), received=9.0)
    counts = world.counters.snapshot()["1", "champion"]
    assert latencies.seen == [1_500_000]
    assert (counts.work_total, counts.latency) == (500_000, {}), "it is not answered yet"
    for each in reply.timed:
        each.took(2_000_000)
    assert world.counters.snapshot()["1", "champion"].latency_total == 2_000_000


def test_records_of_a_batch_share_its_work_and_each_took_its_whole_time(
    world: World, replies: Replies, latencies: Latencies
):
    records = [RECORD | {"id": str(number)} for number in range(5)]
    reply = replies.predict_batch(json.dumps({"records": records}).encode(), received=9.0)
    assert latencies.seen == [1_500_000] * 5
    assert world.counters.snapshot()["1", "champion"].work_total == 500_000
    assert len(reply.timed) == 5
