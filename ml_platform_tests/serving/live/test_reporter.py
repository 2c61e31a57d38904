from dataclasses import replace
from pathlib import Path
from queue import Queue
from threading import Event, Semaphore
from typing import cast

import pytest

from ml_platform.exceptions import StoreError
from ml_platform.release.plan import Plan, Stage, Step
from ml_platform.release.process import this_process
from ml_platform.release.state import Action
from ml_platform.serving.live import threads
from ml_platform.serving.live.followed import FollowedRelease
from ml_platform.serving.live.reporter import Identity, Reporter
from ml_platform.serving.live.threads import FOLLOW_SECONDS, REPORT_SECONDS, Following
from ml_platform_tests.release.test_process import named_process
from ml_platform_tests.serving.live.fakes import MODEL, NOW, World, loaded
from ml_platform_tests.serving.live.test_followed import ask, settled

ALL = Plan(steps=(Step(stage=Stage.CANARY, percent=100), Step(stage=Stage.RAMP, percent=100)))
WORKER = Identity(name="w1", host="here", url="http://127.0.0.1:1", process=this_process())


def told(world: World, follower: FollowedRelease) -> Reporter:
    return Reporter(follower, world.counters, WORKER, now=lambda: NOW)


def started(tmp_path: Path) -> tuple[World, FollowedRelease]:
    world = World(tmp_path)
    world.versions = {1: loaded(1), 2: loaded(2)}
    world.move(Action.PROMOTE_DIRECT, 1)
    follower = world.follower()
    follower.start()
    return world, follower


def test_worker_tells_which_revision_it_serves(tmp_path: Path):
    world, follower = started(tmp_path)
    reporter = told(world, follower)
    reporter.report()
    world.move(Action.PROMOTE_DIRECT, 2)
    settled(follower)
    reporter.report()

    [seen] = world.store.workers(MODEL)
    assert (seen.worker, seen.url, seen.revision) == ("w1", WORKER.url, 2)
    assert seen.versions == (1, 2)


def test_counts_of_each_step_become_its_evidence(tmp_path: Path):
    world, follower = started(tmp_path)
    reporter = told(world, follower)
    first = world.move(Action.OPEN, 2, ALL).entered
    settled(follower)
    ask(world, follower, "a")
    second = world.move(Action.ADVANCE, 2).entered
    settled(follower)
    ask(world, follower, "b")
    ask(world, follower, "c")
    reporter.report()
    reporter.report()

    assert world.store.evidence(MODEL, entered=first)[2, "candidate"].requests == 1
    assert world.store.evidence(MODEL, entered=second)[2, "candidate"].requests == 2


def test_report_to_a_store_that_is_away_is_made_up_for_by_the_next(tmp_path: Path):
    world, follower = started(tmp_path)
    reporter = told(world, follower)
    entered = world.move(Action.OPEN, 2, ALL).entered
    settled(follower)
    ask(world, follower, "a")
    tell = world.store.report_worker

    def refuse(report: object) -> None:
        raise StoreError("away")

    world.store.report_worker = refuse  # type: ignore[method-assign]
    reporter.report()
    world.store.report_worker = tell  # type: ignore[method-assign]
    reporter.report()

    assert world.store.evidence(MODEL, entered=entered)[2, "candidate"].requests == 1


def test_threads_end_and_the_last_counts_are_told(tmp_path: Path):
    world, follower = started(tmp_path)
    following = Following(follower, told(world, follower))
    entered = world.move(Action.OPEN, 2, ALL).entered
    settled(follower)
    following.start()
    ask(world, follower, "a")
    [before] = world.store.workers(MODEL)
    following.stop()

    assert world.store.evidence(MODEL, entered=entered)[2, "candidate"].requests == 1
    [after] = world.store.workers(MODEL)
    assert (before.ended, after.ended) == (False, True), "who stops is not missed"


def test_first_report_tells_of_the_workers_of_this_machine_that_were_killed(tmp_path: Path):
    world, follower = started(tmp_path)
    with named_process() as (killed, alive):
        for name, process in (("killed", alive), ("elsewhere", f"another{alive}"), ("other", "")):
            identity = Identity(name=name, host="h", url="", process=process)
            Reporter(follower, world.counters, identity, now=lambda: NOW).report()
        Reporter(follower, world.counters, replace(WORKER, name="w0"), now=lambda: NOW).report()
        assert not any(each.is_over for each in world.store.workers(MODEL))
        killed.kill()
        killed.wait()
    told(world, follower).report()

    over = {each.worker: each.ended for each in world.store.workers(MODEL)}
    assert over == {"killed": True, "elsewhere": False, "other": False, "w0": False, "w1": False}


class Wait:
    """An event whose time runs out by hand; who waits for it, and how long, is kept in `asked`."""

    def __init__(self) -> None:
        self.asked = Queue[float]()
        self._over, self._set = Semaphore(0), False

    def wait(self, timeout: float) -> bool:
        self.asked.put(timeout)
        self._over.acquire()
        return self._set

    def run_out(self) -> None:
        self._over.release()

    def set(self) -> None:
        self._set = True
        self._over.release()

    def clear(self) -> None:
        self._set = False

    def is_set(self) -> bool:
        return self._set


def test_change_is_in_effect_with_the_next_look_and_told_without_another_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(threads, "Event", Wait)
    world, follower = started(tmp_path)
    world.move(Action.PROMOTE_DIRECT, 2)
    settled(follower)
    following = Following(follower, told(world, follower))
    looks, reports = cast("Wait", following._ended), cast("Wait", following._changed)
    following.start()
    assert looks.asked.get(timeout=30) == FOLLOW_SECONDS
    assert reports.asked.get(timeout=30) == REPORT_SECONDS

    world.move(Action.ROLLBACK, 1)
    looks.run_out()
    looks.asked.get(timeout=30)
    answered_by = ask(world, follower, "a")["model_version"]
    reports.asked.get(timeout=30)
    [seen] = world.store.workers(MODEL)
    following.stop()

    assert answered_by == "1"
    assert seen.revision == world.store.revision(MODEL) == 3


def test_service_goes_on_while_its_store_does_not_answer_and_follows_it_afterwards(tmp_path: Path):
    world, follower = started(tmp_path)
    swapped = Event()
    following = Following(follower, told(world, follower), swapped=swapped.set)
    world.move(Action.PROMOTE_DIRECT, 2)
    world.store.answers.clear()
    world.store.asked.clear()
    following.start()
    try:
        assert world.store.asked.wait(30)
        world.time.seconds += 7
        assert ask(world, follower, "a")["model_version"] == "1"
        health = follower.health()
        about = follower.about()
    finally:
        world.store.answers.set()
    try:
        assert swapped.wait(30)
        assert ask(world, follower, "a")["model_version"] == "2"
        assert "trouble" not in follower.health()
    finally:
        following.stop()

    silent = "the release store has not answered for 7 s"
    assert (health["status"], health["trouble"]) == ("degraded", [silent])
    assert about["live"]["store"] == {"reachable": False, "trouble": silent}


def test_what_is_promised_within_a_second_waits_for_half_of_it_at_most():
    assert FOLLOW_SECONDS <= 0.5
    assert REPORT_SECONDS <= 1.0
