"""Candidates that fail in production as they failed nowhere before."""

import time

from harness.chaos_stage import WORKERS, Figure, Stage, until
from harness.live_load import resident_mb, workers_of
from harness.live_models import LEAKS, MODEL, move, plan

from ml_platform.release.state import Action


def bad_candidate(stage: Stage, version: int, does: str) -> list[Figure]:
    """Let a candidate answer everything, and count how soon it is out, and what clients saw."""
    state = move(stage.store, Action.OPEN, version, plan())
    stage.followed()
    with stage.load() as load:
        out = until(lambda: stage.store.state(MODEL).candidate is None)
        time.sleep(1.5)
    counts = stage.store.evidence(MODEL, entered=state.entered)
    tried = counts[version, "candidate"].requests if (version, "candidate") in counts else 0
    last = stage.store.history(MODEL)[-1]
    failed = sum(load.failed.values())
    seen = load.versions.get(str(version), 0)
    return [
        Figure(
            f"a candidate that {does}",
            f"{'cut out' if out else 'not cut out'} after {tried} requests on {WORKERS} workers "
            f"({last.why[:60]}); {load.told_failed} failed of {len(load.acknowledged):,} "
            f"requests, the slowest took {load.slowest * 1e3:.0f} ms",
            "within 10 requests a worker, 0 failed",
            out and tried <= 10 * WORKERS and failed == 0 and seen == 0,
        )
    ]


def leaking_candidate(stage: Stage) -> list[Figure]:
    """Let a candidate keep 8 MB of each request."""
    before = max(resident_mb(pid) for pid in workers_of(stage.service.pid))
    move(stage.store, Action.OPEN, LEAKS, plan())
    stage.followed()
    with stage.load(clients=2) as load:
        out = until(lambda: stage.store.state(MODEL).candidate is None, patience=60)
        time.sleep(1)
        after = max(resident_mb(pid) for pid in workers_of(stage.service.pid))
    failed = sum(load.failed.values())
    return [
        Figure(
            "a candidate that keeps 8 MB of each request",
            f"{'cut out' if out else 'not cut out'} when a worker had grown from {before:.0f} to "
            f"{after:.0f} MB; {load.told_failed} failed of {len(load.acknowledged):,} requests",
            "cut out, 0 failed",
            out and failed == 0,
        )
    ]
