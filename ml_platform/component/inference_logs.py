"""One sensor for all models: where a service has closed a segment, its ingestion is started.

A tick lists folders and reads nothing in them. It remembers the last segment that it saw of each
model and when it asked for its ingestion; one that is still there much later is asked for again.
An ingestion forgets days over the declared retention, so it is started, too, for a model that is
asked no more and has such days.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from ml_platform.clock import utc_now
from ml_platform.component.jobs import MODEL_TAG, ingest_job_name
from ml_platform.data.remote import opened, reached
from ml_platform.feedback.inference_table import InferenceTable
from ml_platform.plugins import Strict
from ml_platform.serving.journal.segment import CLOSED, OPEN, is_held
from ml_platform.serving.journal.segments import worker_folders
from ml_platform.settings import Settings
from ml_platform.spec.load import Declaration

NAME = "inference_logs"
EVERY = timedelta(minutes=5)
"""How often a model is ingested at most: each run is a process of its own."""

AGAIN = timedelta(minutes=20)
"""After this time, a segment that is still there is asked for again."""

RETENTION_EVERY = timedelta(hours=26)
"""How often a model's days are looked at: files are kept for a day after they were forgotten."""

LOOKED_AT_ONCE = 100
"""Models whose days one tick looks at: in an object store, each listing takes its time."""


class Asked(Strict):
    """The last segment whose ingestion was asked for, and when."""

    segment: str
    at: datetime


class Cursor(Strict):
    """What was asked for, by model, and when its days were looked at."""

    asked: dict[str, Asked] = Field(default={})
    looked: dict[str, datetime] = Field(default={})


def inference_logs(jobs: Sequence[Any], declarations: Sequence[Declaration]) -> dg.SensorDefinition:
    """The sensor over the ingestion jobs of all models."""
    declared = {each.spec.name: each.spec.serving.journal for each in declarations}
    journals = {name: spec for name, spec in declared.items() if spec.automatic}
    kept = {name: spec.retention_days for name, spec in journals.items() if spec.retention_days}

    @dg.sensor(
        name=NAME,
        jobs=jobs,
        minimum_interval_seconds=Settings.from_environment().sensor_interval(30),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts the ingestion of a model whose services have closed segments.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        settings = Settings.from_environment()
        cursor = Cursor.model_validate_json(context.cursor) if context.cursor else Cursor()
        last = {
            model: segment
            for model, segment in last_segments(settings).items()
            if model in journals
        }
        now = utc_now()
        after, requests = due(last, cursor, now=now)
        looked = days_to_look_at(kept, after, now=now)
        old = outlived(settings, {model: kept[model] for model in looked}, now=now)
        requests += [_for_retention(model, now=now) for model in old]
        after = after.model_copy(update={"looked": {**after.looked, **dict.fromkeys(looked, now)}})
        return dg.SensorResult(run_requests=requests, cursor=after.model_dump_json())

    return sensor


def due(
    last: Mapping[str, str], cursor: Cursor, *, now: datetime
) -> tuple[Cursor, list[dg.RunRequest]]:
    """Return what to remember, and what to start.

    last: the last segment of each model that has one to be ingested.
    """
    asked = dict(cursor.asked)
    requests: list[dg.RunRequest] = []
    for model, segment in sorted(last.items()):
        before = asked.get(model)
        wait = EVERY if before is None or before.segment != segment else AGAIN
        if before is not None and now - before.at < wait:
            continue
        key = f"{model}:{segment}"
        if before is not None and before.segment == segment:
            key += f":after {before.at.isoformat(timespec='seconds')}"
        requests.append(
            dg.RunRequest(run_key=key, job_name=ingest_job_name(model), tags={MODEL_TAG: model})
        )
        asked[model] = Asked(segment=segment, at=now)
    return cursor.model_copy(update={"asked": asked}), requests


def days_to_look_at(models: Collection[str], cursor: Cursor, *, now: datetime) -> list[str]:
    """The models that were neither ingested nor looked at lately; of many the first."""
    lately = {model for model, at in cursor.looked.items() if now - at < RETENTION_EVERY}
    lately |= {model for model, ask in cursor.asked.items() if now - ask.at < RETENTION_EVERY}
    return sorted(set(models) - lately)[:LOOKED_AT_ONCE]


def outlived(settings: Settings, kept: Mapping[str, int], *, now: datetime) -> list[str]:
    """The models of which files of more days lie there than are kept. kept: days by model."""
    tables = {model: InferenceTable(settings.data_url, model) for model in kept}
    return [model for model, table in tables.items() if table.outlived(kept[model], now=now)]


def _for_retention(model: str, *, now: datetime) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"{model}:retention:{now:%Y-%m-%d}",
        job_name=ingest_job_name(model),
        tags={MODEL_TAG: model},
    )


def last_segments(settings: Settings) -> dict[str, str]:
    """Return the last segment of each model that is closed or whose writer is dead."""
    last: dict[str, str] = {}
    if settings.journal.is_dir():
        for model in settings.journal.iterdir():
            names = [name for worker in worker_folders(model) for name in _complete(worker)]
            if names:
                last[model.name] = max(names)
    for model, name in _moved(settings):
        last[model] = max(name, last.get(model, ""))
    return last


def _complete(worker: Path) -> Iterator[str]:
    for path in worker.iterdir():
        if path.suffix == CLOSED:
            yield path.stem
        elif path.suffix == OPEN:
            try:
                if not is_held(path):
                    yield path.stem
            except FileNotFoundError:  # closed since it was listed; the next tick sees it
                continue


def _moved(settings: Settings) -> Iterator[tuple[str, str]]:
    if settings.journal_url is None:
        return
    system, root = opened(settings.journal_url)
    with reached(settings.journal_url):
        try:
            found: list[str] = system.find(root)
        except FileNotFoundError:
            return
    for path in found:
        model, _, rest = path[len(root) :].strip("/").partition("/")
        if rest.endswith(CLOSED):
            yield model, Path(rest).stem
