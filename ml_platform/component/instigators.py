"""Sensors, schedules and parts of the daemon that fail, or of which nothing is heard any more."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorTick,
    TickStatus,
)

from ml_platform.monitoring.incidents import PLATFORM, Finding

KIND = "sensor"

SILENT_AFTER = timedelta(minutes=10)
_AT_ONCE = 900
"""Sensors and schedules in one query: SQLite takes so many values."""


def troubles(
    instance: dg.DagsterInstance,
    names: Mapping[str, str],
    *,
    now: datetime,
    machine_now: datetime,
) -> Iterator[Finding]:
    """Yield a finding for each that fails or is silent.

    names: the model of each sensor and schedule of the platform. machine_now: ticks are on the
    machine's clock. One query for all states, one for each 900 of them for ticks.
    """
    states = [
        state
        for state in instance.all_instigator_state()
        if state.instigator_name in names and state.status is not InstigatorStatus.STOPPED
    ]
    latest = _latest_ticks(instance, states)
    wrong = {
        state.instigator_name: _trouble(state, latest.get(state.selector_id), now=machine_now)
        for state in states
    }
    wrong |= dict(_silent_daemons(instance, now=machine_now))
    for name, text in sorted(wrong.items()):
        if text:
            yield Finding(
                model=names.get(name, PLATFORM),
                kind=KIND,
                subject=name,
                ok=False,
                severity="critical",
                text=text,
                at=now,
            )


def _trouble(
    state: InstigatorState, ticks: Sequence[InstigatorTick] | None, *, now: datetime
) -> str:
    over = [tick for tick in ticks or () if tick.status is not TickStatus.STARTED]
    if over and over[0].status is TickStatus.FAILURE:
        error = over[0].error
        said = (error.cause or error).message.strip() if error else "no error was kept"
        return f"{state.instigator_name} failed: {said}"[:500]
    data: Any = state.instigator_data
    began = getattr(data, "last_tick_start_timestamp", None)  # of sensors only
    every = timedelta(seconds=getattr(data, "min_interval", None) or 0)
    if began is not None and now.timestamp() - began > (SILENT_AFTER + every).total_seconds():
        return f"{state.instigator_name} has not been evaluated since {_time(began)}"
    return ""


def _latest_ticks(
    instance: dg.DagsterInstance, states: Sequence[InstigatorState]
) -> dict[str, Sequence[InstigatorTick]]:
    """The last two ticks of each: one may be under way."""
    ids = [state.selector_id for state in states]
    found: dict[str, Sequence[InstigatorTick]] = {}
    for start in range(0, len(ids), _AT_ONCE):
        found |= instance.get_batch_ticks(ids[start : start + _AT_ONCE], limit=2)
    return found


def _silent_daemons(instance: dg.DagsterInstance, *, now: datetime) -> Iterator[tuple[str, str]]:
    for kind, heartbeat in instance.get_daemon_heartbeats().items():
        if now.timestamp() - heartbeat.timestamp > SILENT_AFTER.total_seconds():
            since = _time(heartbeat.timestamp)
            yield f"daemon {kind}", f"the daemon's part {kind} is silent since {since}"


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
