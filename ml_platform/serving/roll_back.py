"""Put an earlier version back, and prove that everybody serves it."""

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from ml_platform.exceptions import ReleaseError
from ml_platform.plugins import Strict
from ml_platform.release.commands import append_decided, known_model
from ml_platform.release.state import Action, ReleaseState, Transition
from ml_platform.release.store import ReleaseStore
from ml_platform.release.worker import LIVE
from ml_platform.serving import loadable
from ml_platform.serving.smoke import Seen, look

PATIENCE = 10.0
"""Seconds that workers get to follow."""

_LOOK_EVERY = 0.05


class Rollback(Strict):
    """What a rollback changed.

    before, after: what was live and what is; the same where it was rolled back already.
    passed_over: newer good versions that cannot be served, and why.
    """

    before: ReleaseState
    after: ReleaseState
    passed_over: dict[int, str] = Field(default={})

    @property
    def summary(self) -> str:
        """In one line for people."""
        before, after = self.before, self.after
        if before.revision == after.revision:
            return f"version {after.champion} answers everything since revision {after.revision}"
        gone = "" if before.candidate is None else f", candidate {before.candidate} is out"
        if before.champion == after.champion:
            return f"version {after.champion} answers everything{gone}"
        instead = f"in place of version {before.champion}"
        return f"version {after.champion} is champion again {instead}{gone}"

    @property
    def unproven(self) -> str:
        """What is said where the proof does not hold, with what proves it again."""
        again = f"ml-platform rollback {self.after.model} --to {self.after.champion} --reason ..."
        return f"it is not proven that the service followed; to prove it again: {again}"


class Proof(Strict):
    """How it is known that the service followed.

    workers: live workers, by name with the revision they serve; behind: those that do not follow.
    silent: workers last seen at an earlier state and not heard of since, by name with what is told.
    seconds: from the transition until the last one followed.
    """

    workers: dict[str, int]
    behind: tuple[str, ...]
    silent: dict[str, str]
    seconds: float
    services: tuple[Seen, ...]

    @property
    def holds(self) -> bool:
        """Whether every worker followed and every service answers with the version."""
        troubled = self.behind or self.silent or any(each.problem for each in self.services)
        return not troubled

    def lines(self) -> list[str]:
        """What was seen, for people."""
        if not self.workers and not self.silent:
            return ["no service runs that follows the release: it takes effect at the next start"]
        known, followed = len(self.workers), len(self.workers) - len(self.behind)
        told = [f"{followed} of {known} workers follow, after {self.seconds:.2f} s"]
        told += [f"worker {name} does not follow" for name in self.behind]
        told += self.silent.values()
        for seen in self.services:
            answered = [] if seen.version is None else [f"GET /model: version {seen.version}"]
            if seen.predicted_by is not None:
                answered.append(f"POST /predict: answered by version {seen.predicted_by}")
            if seen.problem:
                answered.append(seen.problem)
            told.append(f"{seen.url}  {', '.join(answered)}")
        return told


def roll_back(
    store: ReleaseStore,
    model: str,
    *,
    to: int | None,
    by: str,
    reason: str,
    now: datetime,
    bentos: Path,
) -> Rollback:
    """Make the last good version answer everything; with `to` that one.

    Where the last transition rolled back to `to` nothing changes: only its proof is asked for.

    A candidate under way is out, and the champion is the last good version then; without one it
    is the latest earlier champion whose Bento is whole. Raises ReleaseError when there is none.
    """
    known_model(store, model)
    seen: list[ReleaseState] = []
    passed_over: dict[int, str] = {}

    def decide(state: ReleaseState) -> Transition | None:
        seen[:] = [state]
        passed_over.clear()
        last = store.history(model, after=state.revision - 1)[0]
        if (last.action, last.version) == (Action.ROLLBACK, to):
            return None
        return Transition(
            model=model,
            revision=state.revision + 1,
            action=Action.ROLLBACK,
            version=_target(state, to, bentos, passed_over),
            at=now,
            who=by,
            why=reason,
        )

    after = append_decided(store, model, decide)
    return Rollback(before=seen[0], after=after, passed_over=passed_over)


def prove(
    store: ReleaseStore,
    state: ReleaseState,
    *,
    example: dict[str, Any] | None,
    now: Callable[[], datetime],
    key: str | None = None,
    patience: float = PATIENCE,
) -> Proof:
    """Wait until every live worker serves `state`, then ask each service for itself.

    A worker is alive that was seen within 3 s, or that tells of itself while it is waited for,
    whatever its clock says. One that is silent and was at an earlier state may serve that on, cut
    off from the store: it leaves the rollback unproven until it counts as gone.
    example: a record to predict. key: API key, where the services ask for one. What they predict
    is journaled as `rollback-<revision>-<number of the service>`.
    """
    assert state.champion is not None
    started = time.monotonic()
    first: dict[str, datetime] = {}
    while True:
        at = now()
        known = [each for each in store.workers(state.model) if not each.is_over]
        live = [
            each
            for each in known
            if each.live(now=at) or each.seen_at != first.setdefault(each.worker, each.seen_at)
        ]
        behind = tuple(each.worker for each in live if each.revision < state.revision)
        seconds = time.monotonic() - started
        heard = len(live) == len(known) or seconds > LIVE.total_seconds()
        if (heard and not behind) or seconds > patience:
            break
        time.sleep(_LOOK_EVERY)
    urls = sorted({each.url for each in live})
    lost = [each for each in known if each not in live and each.revision < state.revision]
    return Proof(
        workers={each.worker: each.revision for each in live},
        behind=behind,
        silent={each.worker: each.told(now=at) for each in lost if each.silent(now=at)},
        seconds=seconds,
        services=tuple(
            look(
                url,
                version=state.champion,
                example=example,
                prediction_id=f"rollback-{state.revision}-{number}",
                key=key,
            )
            for number, url in enumerate(urls, start=1)
        ),
    )


def _target(state: ReleaseState, to: int | None, bentos: Path, passed_over: dict[int, str]) -> int:
    if to is not None:
        trouble = loadable.problem(bentos, state.model, to)
        if trouble is not None:
            raise ReleaseError(f"{state.model}: version {to} cannot be served: {trouble}")
        return to
    if state.candidate is not None and state.champion is not None:
        return state.champion  # it answers already, and is loaded
    for version in state.last_good:
        trouble = loadable.problem(bentos, state.model, version)
        if trouble is None:
            return version
        passed_over[version] = trouble
    tried = "; ".join(f"version {version}: {why}" for version, why in passed_over.items())
    raise ReleaseError(
        f"{state.model}: there is no earlier good version to go back to"
        + (f" ({tried})" if tried else f"; version {state.champion} is the first")
    )
