"""One sensor for all models: where a service has closed a segment, its ingestion is started.

A tick lists folders and reads nothing in them. It remembers the last segment that it saw of each
model and when it asked for its ingestion; one that is still there much later is asked for again.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from ml_platform.clock import utc_now
from ml_platform.component.jobs import MODEL_TAG, ingest_job_name
from ml_platform.plugins import Strict
from ml_platform.serving.journal.segment import CLOSED, OPEN, is_held
from ml_platform.serving.journal.segments import worker_folders
from ml_platform.settings import Settings

NAME = "inference_logs"
EVERY = timedelta(minutes=5)
"""How often a model is ingested at most: each run is a process of its own."""

AGAIN = timedelta(minutes=20)
"""After this time, a segment that is still there is asked for again."""


class Asked(Strict):
    """The last segment whose ingestion was asked for, and when."""

    segment: str
    at: datetime


class Cursor(Strict):
    """What was asked for, by model."""

    asked: dict[str, Asked] = Field(default={})


def inference_logs(jobs: Sequence[Any]) -> dg.SensorDefinition:
    """The sensor over the ingestion jobs of all models."""

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
        known = {job.name for job in jobs}
        last = {
            model: segment
            for model, segment in last_segments(settings).items()
            if ingest_job_name(model) in known
        }
        asked, requests = due(last, cursor, now=utc_now())
        return dg.SensorResult(run_requests=requests, cursor=asked.model_dump_json())

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
        again = before is not None and before.segment == segment
        key = f"{model}:{segment}" + (f":{now.isoformat(timespec='seconds')}" if again else "")
        requests.append(
            dg.RunRequest(run_key=key, job_name=ingest_job_name(model), tags={MODEL_TAG: model})
        )
        asked[model] = Asked(segment=segment, at=now)
    return Cursor(asked=asked), requests


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
    import fsspec

    system: Any
    system, root = fsspec.url_to_fs(settings.journal_url)
    try:
        found: list[str] = system.find(root)
    except FileNotFoundError:
        return
    for path in found:
        model, _, rest = path[len(root) :].strip("/").partition("/")
        if rest.endswith(CLOSED):
            yield model, Path(rest).stem
