"""One sensor for all models: when a window of production is over, its report is started."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import dagster as dg
from dagster._core.storage.tags import PARTITION_NAME_TAG, PARTITION_SET_TAG

from ml_platform.clock import utc_now
from ml_platform.component.jobs import MODEL_TAG, monitoring_job_name
from ml_platform.data.handles import HandleStore
from ml_platform.feedback.inference_table import NAME as LOG
from ml_platform.plugins import Strict
from ml_platform.settings import Settings
from ml_platform.spec.load import Declaration

NAME = "monitoring"
GRACE = timedelta(minutes=10)
"""After the end of a window, for the last predictions to be ingested."""

LENGTHS = {"hourly": timedelta(hours=1), "daily": timedelta(days=1)}
FORMATS = {"hourly": "%Y-%m-%d-%H:%M", "daily": "%Y-%m-%d"}


class Cursor(Strict):
    """The last window that a report was asked for of, by model."""

    asked: dict[str, str] = {}  # noqa: RUF012 - pydantic copies it


def monitoring_sensor(
    jobs: Sequence[Any], declarations: Sequence[Declaration]
) -> dg.SensorDefinition:
    """The sensor over the monitoring jobs of all models that have no schedule for it."""
    watched = {
        d.spec.name: d.spec.monitoring
        for d in declarations
        if d.spec.monitoring.automatic and d.spec.monitoring.schedule is None
    }
    kinds = {name: spec.partition for name, spec in watched.items()}
    starts = {name: spec.start.isoformat() for name, spec in watched.items()}

    @dg.sensor(
        name=NAME,
        jobs=jobs,
        minimum_interval_seconds=Settings.from_environment().sensor_interval(60),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts the report of a window of production when it is over.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        cursor = Cursor.model_validate_json(context.cursor) if context.cursor else Cursor()
        settings = Settings.from_environment()
        data = HandleStore(settings.data_url)
        wanted = {
            model: window
            for model, window in latest_windows(kinds, now=utc_now()).items()
            if cursor.asked.get(model) != window and window >= starts[model]
            if data.exists(f"{model}/{LOG}/_delta_log")
        }
        requests = [
            dg.RunRequest(
                run_key=f"{model}:{window}",
                job_name=monitoring_job_name(model),
                partition_key=window,
                tags={MODEL_TAG: model, **_partition_tags(model, window)},
            )
            for model, window in sorted(wanted.items())
        ]
        after = Cursor(asked={**cursor.asked, **wanted})
        return dg.SensorResult(run_requests=requests, cursor=after.model_dump_json())

    return sensor


def _partition_tags(model: str, window: str) -> dict[str, str]:
    """The tags by which Dagster knows the partition of a run.

    A request without them makes it resolve the job, to look whether there is such a partition, and
    a tick that asks for a thousand reports takes longer than it may.
    """
    return {
        PARTITION_NAME_TAG: window,
        PARTITION_SET_TAG: f"{monitoring_job_name(model)}_partition_set",
    }


def monitoring_schedules(declaration: Declaration, job: Any) -> list[dg.ScheduleDefinition]:
    """The declared schedule of reports, each of the last window that is over then."""
    spec = declaration.spec.monitoring
    if spec.schedule is None:
        return []
    name = declaration.spec.name

    @dg.schedule(
        name=f"{name}_monitoring",
        job=job,
        cron_schedule=spec.schedule,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Report on {name} in production: {spec.schedule}.",
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        window = latest_window(spec.partition, now=context.scheduled_execution_time)
        return dg.RunRequest(
            run_key=f"{name}:{window}", partition_key=window, tags={MODEL_TAG: name}
        )

    return [schedule]


def latest_windows(kinds: Mapping[str, str], *, now: datetime) -> dict[str, str]:
    """The partition of the last window that is over, by model. kinds: `hourly` or `daily`."""
    over = {kind: latest_window(kind, now=now) for kind in set(kinds.values())}
    return {model: over[kind] for model, kind in kinds.items()}


def latest_window(kind: str, *, now: datetime) -> str:
    """The key of the last window that was over `GRACE` ago.

    >>> from datetime import UTC
    >>> latest_window("daily", now=datetime(2013, 6, 3, 0, 10, tzinfo=UTC))
    '2013-06-02'
    """
    length = LENGTHS[kind]
    settled = now - GRACE
    midnight = settled.replace(hour=0, minute=0, second=0, microsecond=0)
    begin = midnight + (settled - midnight) // length * length - length
    return begin.strftime(FORMATS[kind])
