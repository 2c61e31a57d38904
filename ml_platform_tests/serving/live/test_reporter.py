from pathlib import Path

from ml_platform.exceptions import StoreError
from ml_platform.release.plan import Plan, Stage, Step
from ml_platform.release.state import Action
from ml_platform.serving.live.followed import FollowedRelease
from ml_platform.serving.live.reporter import Identity, Reporter
from ml_platform.serving.live.threads import Following
from ml_platform_tests.serving.live.fakes import MODEL, NOW, World, loaded
from ml_platform_tests.serving.live.test_followed import ask, settled

ALL = Plan(steps=(Step(stage=Stage.CANARY, percent=100), Step(stage=Stage.RAMP, percent=100)))
WORKER = Identity(name="w1", host="here", url="http://127.0.0.1:1")


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
    following.stop()

    assert world.store.evidence(MODEL, entered=entered)[2, "candidate"].requests == 1
