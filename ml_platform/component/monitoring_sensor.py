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
from ml_platform.spec.cron import ticks_until
from ml_platform.spec.load import Declaration
from ml_platform.spec.monitoring import MonitoringSpec

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
    """The sensor over the monitoring jobs of all models that have reports made by themselves."""
    watched = {d.spec.name: d.spec.monitoring for d in declarations if d.spec.monitoring.automatic}
    starts = {name: spec.start.isoformat() for name, spec in watched.items()}

    @dg.sensor(
        name=NAME,
        jobs=jobs,
        minimum_interval_seconds=Settings.from_environment().sensor_interval(60),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts the report of a window of production when it is over, or scheduled.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        cursor = Cursor.model_validate_json(context.cursor) if context.cursor else Cursor()
        settings = Settings.from_environment()
        data = HandleStore(settings.data_url)
        wanted = {
            model: window
            for model, window in latest_windows(watched, now=utc_now()).items()
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


def latest_windows(specs: Mapping[str, MonitoringSpec], *, now: datetime) -> dict[str, str]:
    """The partition of the last window to report on, by model; models without one are left out.

    That is the last that is settled, or with a schedule the last that was over at its times.
    """
    settled = {kind: latest_window(kind, now=now) for kind in LENGTHS}
    found: dict[str, str] = {}
    for model, spec in specs.items():
        if spec.schedule is None:
            found[model] = settled[spec.partition]
            continue
        ticks = ticks_until(spec.schedule, now)
        over = (latest_window(spec.partition, now=tick, grace=timedelta(0)) for tick in ticks)
        due = next((window for window in over if window <= settled[spec.partition]), None)
        if due is not None:
            found[model] = due
    return found


def latest_window(kind: str, *, now: datetime, grace: timedelta = GRACE) -> str:
    """The key of the last window that was over `grace` ago. kind: `hourly` or `daily`.

    >>> from datetime import UTC
    >>> latest_window("daily", now=datetime(2013, 6, 3, 0, 10, tzinfo=UTC))
    '2013-06-02'
    """
    length = LENGTHS[kind]
    settled = now - grace
    midnight = settled.replace(hour=0, minute=0, second=0, microsecond=0)
    begin = midnight + (settled - midnight) // length * length - length
    return begin.strftime(FORMATS[kind])
