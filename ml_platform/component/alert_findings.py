"""All that people are told of, collected since the last tick: each source is read once."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import dagster as dg
from pydantic import AwareDatetime

from ml_platform.component.alert_checks import of_checks
from ml_platform.component.alert_events import Read, Stamps, read_log
from ml_platform.component.alert_runs import jobs_of, of_runs
from ml_platform.component.instigators import KIND as SENSOR
from ml_platform.component.instigators import troubles
from ml_platform.component.platform import Platform
from ml_platform.component.retraining import WAITING, Waiting
from ml_platform.monitoring import waivers
from ml_platform.monitoring.daemon_alert import KIND as DAEMON
from ml_platform.monitoring.incidents import PLATFORM, Finding, Incident
from ml_platform.monitoring.release_findings import of_transitions
from ml_platform.monitoring.standing import standing
from ml_platform.plugins import Strict
from ml_platform.release.state import ReleaseState
from ml_platform.serving.loadable import way_back

BUDGET = "budget"
NO_WAY_BACK = "no_way_back"
EVERY_WAIVERS = timedelta(hours=1)
EVERY_SENSORS = timedelta(minutes=2)


class Cursor(Strict):
    """How far each source was read.

    releases: revisions by model. waivers_at, sensors_at: when these were last looked at, by the
    platform's clock and by the machine's. waits: the waits that were last judged.
    """

    read: Read
    releases: dict[str, int] | None = None
    waivers_at: AwareDatetime | None = None
    sensors_at: AwareDatetime | None = None
    waits: str = ""

    @classmethod
    def parse(cls, text: str | None, instance: dg.DagsterInstance) -> "Cursor":
        """The cursor of a tick; the first one begins now."""
        return cls.model_validate_json(text) if text else cls(read=Read.up_to_now(instance))


@dataclass(frozen=True)
class Scope:
    """What belongs to the platform. instigators: the model of each sensor and schedule.

    Without instigators nobody is asked whether they, and the daemon, are alive. off: models that
    are left alone.
    """

    models: Sequence[str]
    instigators: Mapping[str, str] = field(default_factory=dict[str, str])
    off: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Moment:
    """When a tick is: by the platform's clock, which may be simulated, and by the machine's."""

    now: datetime
    machine: datetime


def collect(
    instance: dg.DagsterInstance,
    platform: Platform,
    cursor: Cursor,
    scope: Scope,
    *,
    open_ones: Sequence[Incident],
    at: Moment,
    environ: Mapping[str, str] = os.environ,
) -> tuple[list[Finding], Cursor]:
    """Return what is new, and the cursor after it."""
    logged = read_log(instance, cursor.read)
    stamps = Stamps(environ, cursor.read, now=at.now)
    found = of_checks(logged.checks, scope.models, open_ones, stamp=stamps)
    ends = [*logged.failures, *logged.successes]
    jobs = jobs_of((*scope.models, *scope.off))
    found += of_runs(instance, ends, jobs, open_ones, stamp=stamps)
    found += _daemon_is_back(open_ones, now=at.now)
    read = logged.read.model_copy(update={"stamped": stamps.last})
    cursor = cursor.model_copy(update={"read": read})
    states = platform.releases.states()
    for part in (
        _releases(platform, cursor, states),
        _waivers(platform, cursor, states.values(), open_ones, now=at.now),
        _budget(platform, cursor, open_ones, now=at.now),
        _sensors(instance, cursor, scope, open_ones, at=at),
    ):
        found += part[0]
        cursor = cursor.model_copy(update=part[1])
    return [finding for finding in found if finding.model not in scope.off], cursor


Part = tuple[list[Finding], dict[str, object]]
"""Findings, and what changes in the cursor."""


def _releases(platform: Platform, cursor: Cursor, states: Mapping[str, ReleaseState]) -> Part:
    """Only models that moved are read; before the first tick everything is history."""
    revisions = {model: state.revision for model, state in states.items()}
    seen = revisions if cursor.releases is None else cursor.releases
    news = [
        transition
        for model, revision in revisions.items()
        if seen.get(model, 0) < revision
        for transition in platform.releases.history(model, after=seen.get(model, 0))
    ]
    retired = (states[t.model] for t in news if t.at == states[t.model].since)
    ways = [_way_back(platform, state) for state in retired]
    return [*of_transitions(news), *filter(None, ways)], {"releases": revisions}


def _way_back(platform: Platform, state: ReleaseState) -> Finding | None:
    """Whether the version that a new champion replaced could be put back; it was retired now."""
    found = way_back(platform.settings.bentos, state)
    if found is None or state.since is None:
        return None
    return Finding(
        model=state.model,
        kind=NO_WAY_BACK,
        ok=found.problem is None,
        text=found.text,
        at=state.since,
        version=found.version,
    )


def _waivers(
    platform: Platform,
    cursor: Cursor,
    states: Iterable[ReleaseState],
    open_ones: Sequence[Incident],
    *,
    now: datetime,
) -> Part:
    if cursor.waivers_at is not None and now - cursor.waivers_at < EVERY_WAIVERS:
        return [], {}
    there = waivers.expiring(states, platform.settings.reports, now=now)
    return standing(waivers.KIND, there, open_ones, now=now), {"waivers_at": now}


def _budget(
    platform: Platform, cursor: Cursor, open_ones: Sequence[Incident], *, now: datetime
) -> Part:
    """Trainings that wait for their budget; those that cool down are as they should be."""
    text = platform.handles.read(WAITING)
    waiting = Waiting.model_validate_json(text) if text else None
    if waiting is None or waiting.at.isoformat() == cursor.waits:
        return [], {}
    known = {incident.model for incident in open_ones if incident.kind == BUDGET}
    there = [
        Finding(
            model=model,
            kind=BUDGET,
            ok=False,
            text=f"a training waits for {because}",
            at=waiting.at,
        )
        for model, because in waiting.because.items()
        if "budget" in because and model not in known
    ]
    over = [i for i in open_ones if "budget" not in waiting.because.get(i.model, "")]
    found = there + standing(BUDGET, [], over, now=max(now, waiting.at))
    return found, {"waits": waiting.at.isoformat()}


def _sensors(
    instance: dg.DagsterInstance,
    cursor: Cursor,
    scope: Scope,
    open_ones: Sequence[Incident],
    *,
    at: Moment,
) -> Part:
    if not scope.instigators:  # such as a replay, which does their work itself
        return [], {}
    if cursor.sensors_at is not None and at.machine - cursor.sensors_at < EVERY_SENSORS:
        return [], {}
    there = troubles(instance, scope.instigators, now=at.now, machine_now=at.machine)
    return standing(SENSOR, there, open_ones, now=at.now), {"sensors_at": at.machine}


def _daemon_is_back(open_ones: Sequence[Incident], *, now: datetime) -> list[Finding]:
    """A tick is a sign of life: it ends what services told of a dead daemon."""
    dead = [i for i in open_ones if i.thing == (PLATFORM, DAEMON, "")]
    return standing(DAEMON, [], dead, now=now)
