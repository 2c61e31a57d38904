"""A service says that the daemon is silent, tells it once, and serves on."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from ml_platform.exceptions import StoreError
from ml_platform.monitoring.daemon_alert import tell_of_silence
from ml_platform.monitoring.heartbeat import beat
from ml_platform.monitoring.incident_store import InMemoryIncidentStore
from ml_platform.serving.live.daemon_watch import DaemonWatch

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


class World:
    """Two clocks that go together, and who is told."""

    def __init__(self, home: Path) -> None:
        self.seconds = 0.0
        self.told: list[datetime] = []
        self.heard = Event()
        self.fails = False
        self.watch = DaemonWatch(
            home,
            tell=self.tell,
            now=lambda: NOON + timedelta(seconds=self.seconds),
            monotonic=lambda: self.seconds,
        )

    def tell(self, since: datetime) -> None:
        self.told.append(since)
        self.heard.set()
        if self.fails:
            raise StoreError("the store is away")

    def at(self, minutes: float) -> dict[str, str]:
        self.seconds = minutes * 60
        self.watch.look()
        return self.watch.health()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_living_daemon_is_not_mentioned(world: World, tmp_path: Path) -> None:
    beat(tmp_path, now=NOON)
    assert world.at(0) == world.at(4.9) == {}


def test_a_home_without_a_daemon_is_not_mentioned(world: World) -> None:
    assert world.at(60) == {}
    assert world.told == []


def test_a_silent_daemon_is_said_after_5_minutes_and_told_after_10(
    world: World, tmp_path: Path
) -> None:
    beat(tmp_path, now=NOON)
    assert world.at(6) == {"daemon": "silent since 2026-01-02 12:00:00 UTC"}
    assert world.told == []
    world.at(11)
    assert world.heard.wait(10)
    world.at(12)
    assert world.told == [NOON]
    beat(tmp_path, now=NOON + timedelta(minutes=13))
    assert world.at(14) == {}


def test_a_store_that_is_away_is_asked_again_later(world: World, tmp_path: Path) -> None:
    world.fails = True
    beat(tmp_path, now=NOON)
    for minutes in (11, 22):
        world.heard.clear()
        world.at(minutes)
        assert world.heard.wait(10)
    assert world.told == [NOON, NOON]


def test_many_workers_tell_once(tmp_path: Path) -> None:
    store, sent = InMemoryIncidentStore(), list[str]()

    def send(urls: Sequence[str], title: str, body: str) -> Sequence[str]:
        sent.append(title)
        return urls

    tell: Callable[[], object] = lambda: tell_of_silence(  # noqa: E731
        store, tmp_path, ("json://ops",), since=NOON, send=send
    )
    for _ in range(3):
        tell()
    assert sent == ["[CRITICAL] platform: daemon"]
    [incident] = store.unsettled()
    assert incident.text == "Dagster's daemon gave no sign since 2026-01-02 12:00:00 UTC"
