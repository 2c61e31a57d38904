"""Faults around the service: it is swapped, killed, cut off from its store, its clock, its disk."""

import os
import random
import resource
import signal
import statistics
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from harness.chaos_stage import Figure, Stage, champion_is_good, on_stage, other, settings_of, until
from harness.live_load import Load, journaled, moved_away, workers_of
from harness.live_models import GOOD, MODEL, move

from ml_platform.clock import VARIABLE, SimulatedClock
from ml_platform.release.state import Action
from ml_platform.release.store import SqlReleaseStore
from ml_platform.serving.live_process import LiveServiceProcess

_NO_LIMIT = resource.RLIM_INFINITY


def swaps(stage: Stage, rounds: int) -> list[Figure]:
    """Promote one good version after the other; count failures, and the time to take effect."""
    with stage.load() as load:
        time.sleep(1)
        champion, effects = GOOD, list[float]()
        for _ in range(rounds):
            champion = other(champion)
            move(stage.store, Action.PROMOTE_DIRECT, champion)
            effects.append(stage.followed())
    failed, answered = sum(load.failed.values()), len(load.acknowledged)
    median, worst = statistics.median(effects), max(effects)
    found = journaled(stage.journal)
    lost = sum(found[one] != 1 for one in load.acknowledged)
    return [
        Figure(
            f"{rounds} swaps of the champion under load",
            f"{load.told_failed} failed of {answered:,} requests; {lost} not logged exactly once",
            "0 failed",
            failed == 0 and lost == 0,
        ),
        Figure(
            "from a command to its effect on all workers",
            f"{median * 1e3:.0f} ms in the median, {worst * 1e3:.0f} ms at worst",
            "at most 1 s",
            worst <= 1.0,
        ),
    ]


def worker_kills(stage: Stage, rounds: int) -> list[Figure]:
    """Kill a worker with SIGKILL, wait for its successor, and so on."""
    chance = random.Random(7)
    with stage.load() as load:
        for _ in range(rounds):
            until(lambda: len(workers_of(stage.service.pid)) >= 2)
            time.sleep(chance.uniform(0.1, 0.6))
            os.kill(chance.choice(workers_of(stage.service.pid)), signal.SIGKILL)
            time.sleep(0.2)
    return [_logged(f"kill -9 of a worker under load, {rounds} rounds", load, stage.journal)]


def kills(home: Path, rounds: int) -> list[Figure]:
    """Kill the whole service with SIGKILL and start it again."""
    chance, settings = random.Random(7), settings_of(home)
    store = SqlReleaseStore(settings.release_url)
    champion_is_good(store)
    store.close()
    every: list[Load] = []
    for _ in range(rounds):
        with LiveServiceProcess(MODEL, settings, workers=2, log=home / "service.log") as service:
            with Load(service.host, service.port) as load:
                time.sleep(chance.uniform(0.5, 1.5))
                workers = workers_of(service.pid)
                os.killpg(service.pid, signal.SIGKILL)
                for pid in workers:
                    os.kill(pid, signal.SIGKILL)
                time.sleep(0.1)
            every.append(load)
    journal = settings.home / "journal" / MODEL
    return [_logged(f"kill -9 of the whole service under load, {rounds} rounds", *every, journal)]


def store_away(stage: Stage, seconds: float) -> list[Figure]:
    """Take the database of the release store away, and start a second service meanwhile."""
    with stage.load() as load:
        time.sleep(1)
        with moved_away(stage.settings.home / "release.db"):
            told = until(lambda: stage.service.get("/health").body["status"] == "degraded")
            with LiveServiceProcess(MODEL, stage.settings) as second:
                restarted = second.get("/health").body["model_version"]
            time.sleep(seconds)
        back = until(lambda: stage.service.get("/health").body["status"] == "ok")
        move(stage.store, Action.PROMOTE_DIRECT, other(GOOD))
        effect = stage.followed()
    failed = sum(load.failed.values())
    return [
        Figure(
            f"release store away for {seconds:g} s",
            f"{load.told_failed} failed of {len(load.acknowledged):,} requests; /health "
            f"{'said so' if told and back else 'did not say so'}; a service started meanwhile "
            f"served version {restarted}; once it was back, followed in {effect:.1f} s",
            "0 failed",
            failed == 0 and told and back and restarted == str(GOOD),
        )
    ]


def clock_jumps(home: Path) -> list[Figure]:
    """Move the clock of all workers by days, to and fro."""
    # It stands still but for the jumps; a minute ahead, where earlier workers are long dead.
    start = datetime.now(UTC) + timedelta(minutes=1)
    clock = SimulatedClock.create(home / "clock", start=start)
    os.environ[VARIABLE] = str(clock.file)
    try:
        with on_stage(home) as stage, stage.load() as load:
            for days in (1, -2, 365, -4000):
                time.sleep(0.7)
                clock.set(clock() + days * 86_400)
            time.sleep(0.7)
            clock.set(start.timestamp() + 3600)
            move(stage.store, Action.PROMOTE_DIRECT, other(GOOD))
            followed = stage.followed()
    finally:
        del os.environ[VARIABLE]
    found = journaled(stage.journal)
    lost = sum(found[one] != 1 for one in load.acknowledged)
    failed = sum(load.failed.values())
    return [
        Figure(
            "the clock jumps by a day, two days back, a year, eleven years back",
            f"{load.told_failed} failed of {len(load.acknowledged):,} requests, {lost} not logged "
            f"exactly once; the next promotion was followed in {followed:.1f} s",
            "0 failed",
            failed == 0 and lost == 0,
        )
    ]


def disk_full(stage: Stage) -> list[Figure]:
    """Let the workers write no byte more to any file, for two seconds."""
    with stage.load() as load:
        time.sleep(1)
        for pid in workers_of(stage.service.pid):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, _NO_LIMIT))
        time.sleep(2)
        during = load.failed
        for pid in workers_of(stage.service.pid):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (_NO_LIMIT, _NO_LIMIT))
        before = len(load.acknowledged)
        recovered = until(lambda: len(load.acknowledged) > before + 20)
    found = journaled(stage.journal)
    lost = sum(found[one] != 1 for one in load.acknowledged)
    kinds = ", ".join(f"{count:,} x {kind}" for kind, count in load.failed.items()) or "none"
    only_503 = set(load.failed) <= {"503 journal_unavailable"} and bool(during)
    return [
        Figure(
            "the journal's disk is full for 2 s",
            f"refused: {kinds}; {lost} of {len(load.acknowledged):,} acknowledged not logged "
            f"exactly once; {'answers' if recovered else 'no answers'} once there is room again",
            "503 that says so, 0 lost",
            only_503 and lost == 0 and recovered,
        )
    ]


def _logged(what: str, *loads_and_journal: "Load | Path") -> Figure:
    *loads, journal = loads_and_journal
    assert isinstance(journal, Path)
    found = journaled(journal)
    acknowledged = [one for load in loads if isinstance(load, Load) for one in load.acknowledged]
    lost = sum(one not in found for one in acknowledged)
    twice = sum(found[one] > 1 for one in acknowledged)
    return Figure(
        what,
        f"{lost} lost, {twice} twice, of {len(acknowledged):,} acknowledged",
        "0 lost, 0 twice",
        lost == 0 and twice == 0 and bool(acknowledged),
    )
