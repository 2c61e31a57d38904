"""One sensor for all models: labels are joined where some came, and where a window has matured.

A window matures by time alone, so that it is judged also where nothing new comes, and labels that
never begin are missed.

A tick looks for one file a table, the commit after the last one seen, and lists drop folders; it
opens no local table. So does a restart: the cursor names the commits that were asked for.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from ml_platform.clock import utc_now
from ml_platform.component.feedback import feedback_job_name
from ml_platform.component.jobs import MODEL_TAG
from ml_platform.component.steps.take_labels import (
    QUIET_SECONDS,
    drop_folder,
    dropped,
    feedback_of,
    label_table,
)
from ml_platform.feedback.delta_files import NOTHING, newest_version
from ml_platform.feedback.inference_table import NAME as LOG
from ml_platform.feedback.labels_received import NAME as LABELS
from ml_platform.feedback.maturity import window_start
from ml_platform.plugins import Strict
from ml_platform.settings import Settings
from ml_platform.spec.feedback import FeedbackSpec
from ml_platform.spec.load import Declaration

NAME = "feedback"

EVERY = timedelta(minutes=5)
"""How often a model's labels are joined at most, for new labels."""

LATER = timedelta(hours=1)
"""How often for new predictions alone: an unknown label may have its prediction now."""


class Seen(Strict):
    """What was there when a model's join was last asked for: commits of the tables, files.

    labels, log: the platform's own tables. table: the one that the model declares.
    at: when it was asked for; None where only predictions came. since: when predictions were first
    seen; logged: when a join was last asked for that found new ones.
    """

    labels: int = NOTHING
    log: int = NOTHING
    table: int = NOTHING
    files: str = ""
    at: datetime | None = None
    since: datetime | None = None
    logged: datetime | None = None


class Cursor(Strict):
    """What was seen, by model."""

    seen: dict[str, Seen] = Field(default={})


def feedback_sensor(
    declarations: Sequence[Declaration], jobs: Sequence[Any]
) -> dg.SensorDefinition:
    """The sensor over the feedback jobs of all models; jobs: these."""
    watched = [each for each in declarations if each.spec.feedback and each.spec.feedback.automatic]

    @dg.sensor(
        name=NAME,
        jobs=list(jobs),
        minimum_interval_seconds=Settings.from_environment().sensor_interval(30),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Joins the labels of a model where some came, or a window has matured.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        settings = Settings.from_environment()
        cursor = Cursor.model_validate_json(context.cursor) if context.cursor else Cursor()
        after, requests = due(watched, cursor, data_url=settings.data_url, now=utc_now())
        return dg.SensorResult(run_requests=requests, cursor=after.model_dump_json())

    return sensor


def due(
    watched: Sequence[Declaration], cursor: Cursor, *, data_url: str, now: datetime
) -> tuple[Cursor, list[dg.RunRequest]]:
    """Return what to remember, and what to start."""
    seen = dict(cursor.seen)
    requests: list[dg.RunRequest] = []
    for declaration in watched:
        name = declaration.spec.name
        before = seen.get(name, Seen())
        found = _found(declaration, before, data_url=data_url, now=now)
        feedback = feedback_of(declaration)
        matured = _has_matured(feedback, before, found, now=now)
        if not matured and not _worth_it(before, found, now=now):
            if before.since is None and found.log != NOTHING:
                seen[name] = before.model_copy(update={"since": now, "logged": now})
            continue
        logged = now if found.log != before.log else before.logged
        since = before.since or (None if found.log == NOTHING else now)
        seen[name] = found.model_copy(update={"at": now, "since": since, "logged": logged})
        tables = f"{found.labels}:{found.log}:{found.table}:{found.files}"
        key = f"{name}:feedback:{tables}:{_matured_through(feedback, now):%Y-%m-%dT%H:%M}"
        requests.append(
            dg.RunRequest(run_key=key, job_name=feedback_job_name(name), tags={MODEL_TAG: name})
        )
    return Cursor(seen=seen), requests


def _worth_it(before: Seen, found: Seen, *, now: datetime) -> bool:
    if found.labels == found.table == NOTHING and not found.files:
        return False  # no label ever came: there is nothing to join before a window matures
    tables = (found.labels, found.table) != (before.labels, before.table)
    labels = tables or (found.files and found.files != before.files)
    log = found.log != before.log
    if before.at is None:
        return bool(labels)
    return bool(labels and now - before.at >= EVERY) or (log and now - before.at >= LATER)


def _has_matured(spec: FeedbackSpec, before: Seen, found: Seen, *, now: datetime) -> bool:
    """Whether a window has matured since the last join, in which something may be predicted."""
    if before.since is None or before.logged is None:
        return False
    done = window_start(before.since, spec.window)
    if before.at is not None:
        done = max(done, _matured_through(spec, before.at))
    predicted = found.log != before.log or done <= before.logged
    return predicted and done < _matured_through(spec, now)


def _matured_through(spec: FeedbackSpec, now: datetime) -> datetime:
    """The end of the last window whose labels have had their time."""
    return window_start(now - spec.label_delay, spec.window)


def _found(declaration: Declaration, before: Seen, *, data_url: str, now: datetime) -> Seen:
    root = f"{data_url.rstrip('/')}/{declaration.spec.name}"
    folder, table = drop_folder(declaration), label_table(declaration)
    files = [] if folder is None else dropped(folder, before=now.timestamp() - QUIET_SECONDS)
    return Seen(
        labels=newest_version(f"{root}/{LABELS}", known=before.labels),
        log=newest_version(f"{root}/{LOG}", known=before.log),
        table=NOTHING if table is None else newest_version(table, known=before.table),
        files=_named(files),
        at=before.at,
    )


def _named(files: Sequence[Path]) -> str:
    """Names and times of files, short enough for a run key."""
    from hashlib import sha256

    text = "\n".join(f"{file.name} {file.stat().st_mtime_ns}" for file in files)
    return sha256(text.encode()).hexdigest()[:16] if files else ""
