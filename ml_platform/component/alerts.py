"""One sensor for all models: turns what happened into incidents, and tells their owners."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from ml_platform.clock import utc_now
from ml_platform.component import feedback_sensor, inference_logs, monitoring_sensor, releases
from ml_platform.component import retraining as retraining_sensor
from ml_platform.component.alert_findings import Cursor, Moment, Scope, collect
from ml_platform.component.platform import Platform
from ml_platform.monitoring.daemon_alert import LOCK
from ml_platform.monitoring.delivery import Delivery, Recipient, Send, send_by_apprise, take_in
from ml_platform.monitoring.heartbeat import beat
from ml_platform.monitoring.incident_store import SqlIncidentStore
from ml_platform.monitoring.incidents import PLATFORM
from ml_platform.monitoring.recipients import model_recipient, platform_recipient
from ml_platform.monitoring.sender import PatientSender
from ml_platform.settings import Settings
from ml_platform.spec.load import Declaration

NAME = "alerts"
EVERY_SECONDS = 30
SENSORS = (
    NAME,
    inference_logs.NAME,
    monitoring_sensor.NAME,
    feedback_sensor.NAME,
    retraining_sensor.NAME,
    releases.SENSOR,
)
SCHEDULES = ("retraining", "new_data")
"""What a model's own schedules are named after it."""


def alerts_sensor(
    declarations: Sequence[Declaration], *, send: Send = send_by_apprise
) -> dg.SensorDefinition:
    """The sensor over everything that people are told of. send: how messages go out."""
    scope = scope_of(declarations)
    told = [each.spec for each in declarations if each.spec.alerts.automatic]

    @dg.sensor(
        name=NAME,
        minimum_interval_seconds=Settings.from_environment().sensor_interval(EVERY_SECONDS),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells the owners of failed checks and runs, rollbacks, waivers, budgets.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        settings = Settings.from_environment()
        beat(settings.home, now=datetime.now(UTC))
        urls = settings.owner_alert_urls
        to = {each.name: model_recipient(each.owner, each.alerts, urls=urls) for each in told}
        to[PLATFORM] = platform_recipient(settings.alert_urls)
        return _tick(context, settings, scope, to, PatientSender(send))

    return sensor


def scope_of(declarations: Sequence[Declaration]) -> Scope:
    """The models, and every sensor and schedule with the model that it is of."""
    models = [each.spec.name for each in declarations if each.spec.alerts.automatic]
    schedules = {f"{model}_{kind}": model for model in models for kind in SCHEDULES}
    off = frozenset(each.spec.name for each in declarations) - {*models}
    return Scope(models, {**dict.fromkeys(SENSORS, PLATFORM), **schedules}, off)


def _tick(
    context: dg.SensorEvaluationContext,
    settings: Settings,
    scope: Scope,
    recipients: Mapping[str, Recipient],
    send: Send,
) -> dg.SensorResult:
    """One at a time on a machine: of two daemons the second finds that all is told."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(settings.home / LOCK, timeout=0):
            return _told(context, settings, scope, recipients, send)
    except Timeout:
        return dg.SensorResult(skip_reason="another tick is under way", cursor=context.cursor)


def _told(
    context: dg.SensorEvaluationContext,
    settings: Settings,
    scope: Scope,
    recipients: Mapping[str, Recipient],
    send: Send,
) -> dg.SensorResult:
    look = take_in_news(
        context.instance,
        Platform(settings),
        Cursor.parse(context.cursor, context.instance),
        scope,
        recipients,
        send=send,
        at=Moment(utc_now(), datetime.now(UTC)),
    )
    _log(context.log, look.done)
    outcomes = Counter(delivery.outcome for delivery in look.done)
    parts = [f"{count} {outcome}" for outcome, count in sorted(outcomes.items())]
    told = ", ".join(parts) or "nobody is to be told"
    return dg.SensorResult(
        skip_reason=f"{look.findings} findings; {told}", cursor=look.cursor.model_dump_json()
    )


@dataclass(frozen=True)
class Look:
    """What a look for news came to. cursor: where the next one goes on."""

    findings: int
    done: Sequence[Delivery]
    cursor: Cursor


def take_in_news(
    instance: dg.DagsterInstance,
    platform: Platform,
    cursor: Cursor,
    scope: Scope,
    recipients: Mapping[str, Recipient],
    *,
    send: Send,
    at: Moment,
) -> Look:
    """Bring the incidents up to date with what happened since, and tell who is to be told."""
    store = SqlIncidentStore(platform.settings.release_url)
    open_ones = store.unsettled()
    findings, after = collect(instance, platform, cursor, scope, open_ones=open_ones, at=at)
    done = take_in(store, findings, recipients, send=send, now=at.now)
    return Look(len(findings), done, after)


def _log(log: Any, done: Sequence[Delivery]) -> None:
    for delivery in done:
        lacking = ", ".join(delivery.lacking)
        if delivery.outcome == "failed":
            log.error(f"{delivery.title}: {lacking} did not take the message; it is tried again")
        elif delivery.outcome == "untried":
            log.warning(f"{delivery.title}: no time was left to try {lacking}; the next tick does")
        else:
            log.info(f"{delivery.title}: {delivery.outcome}")
