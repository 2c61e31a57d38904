"""One sensor for all models: turns what happened into incidents, and tells their owners."""

from collections import Counter
from collections.abc import Mapping, Sequence
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
from ml_platform.monitoring.recipients import platform_recipient
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


def alerts_sensor(
    declarations: Sequence[Declaration], *, send: Send = send_by_apprise
) -> dg.SensorDefinition:
    """The sensor over everything that people are told of. send: how messages go out."""
    scope = scope_of(declarations)
    recipients = {
        each.spec.name: Recipient(each.spec.owner, each.spec.alerts) for each in declarations
    }

    @dg.sensor(
        name=NAME,
        minimum_interval_seconds=Settings.from_environment().sensor_interval(EVERY_SECONDS),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells the owners of failed checks and runs, rollbacks, waivers, budgets.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        settings = Settings.from_environment()
        beat(settings.home, now=datetime.now(UTC))
        to = {**recipients, PLATFORM: platform_recipient(settings.alert_urls)}
        return _tick(context, settings, scope, to, PatientSender(send))

    return sensor


def scope_of(declarations: Sequence[Declaration]) -> Scope:
    """The models, and every sensor and schedule with the model that it is of."""
    models = [each.spec.name for each in declarations]
    schedules = {f"{m}_{what}": m for m in models for what in ("retraining", "monitoring")}
    return Scope(models, {**dict.fromkeys(SENSORS, PLATFORM), **schedules})


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
    store = SqlIncidentStore(settings.release_url)
    at = Moment(utc_now(), datetime.now(UTC))
    cursor = Cursor.parse(context.cursor, context.instance)
    findings, after = collect(
        context.instance,
        Platform(settings),
        cursor,
        scope,
        open_ones=store.unsettled(),
        at=at,
    )
    done = take_in(store, findings, recipients, send=send, now=at.now)
    _log(context.log, done)
    outcomes = Counter(delivery.outcome for delivery in done)
    parts = [f"{count} {outcome}" for outcome, count in sorted(outcomes.items())]
    told = ", ".join(parts) or "nobody is to be told"
    return dg.SensorResult(
        skip_reason=f"{len(findings)} findings; {told}", cursor=after.model_dump_json()
    )


def _log(log: Any, done: Sequence[Delivery]) -> None:
    for delivery in done:
        if delivery.outcome == "failed":
            log.error(f"{delivery.title}: nobody took the message; it is tried again")
        else:
            log.info(f"{delivery.title}: {delivery.outcome}")
