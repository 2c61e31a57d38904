"""What starts a training by itself: one sensor over all models.

A declared schedule only notes that a training is due. The sensor alone starts it, as it does what
labels, drift, quality and data ask for, so that two reasons at once make one run, and a training
over its budget waits.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import dagster as dg
from pydantic import AwareDatetime

from ml_platform.clock import utc_now
from ml_platform.component.assets import EVIDENCE_TAG, RETRAINING_TAG
from ml_platform.component.jobs import MODEL_TAG, release_job_name
from ml_platform.component.platform import Platform
from ml_platform.component.retraining_facts import facts_of, note_due
from ml_platform.plugins import Strict
from ml_platform.retraining.budget import RECENT, Budget, RecentRuns, TrainingRun, recent
from ml_platform.retraining.plan import Start, Wait, Wish, plan
from ml_platform.retraining.triggers import Facts, reasons
from ml_platform.settings import Settings
from ml_platform.spec.load import Declaration

NAME = "retraining"
ASKED_TAG = "ml_platform/asked_at"
"""Run tag: when the platform asked for the training, ISO 8601."""

GPU_TAG = "ml_platform/gpu"
BY_PLATFORM = "ml_platform/retrained"
"""Run tag of every training that the platform began; Dagster finds runs by a tag's value."""

REMEMBERED = 1_000
"""Runs that budgets are counted over: more than any budget of a day."""

WAITING = "retraining/waiting.json"
"""Handle: who waits for what, as of the last tick."""

TAG_CHARACTERS = 1_000


class Waiting(Strict):
    """The trainings that wait, by model: since the tick at `at`."""

    at: AwareDatetime
    because: dict[str, str]


def retraining_sensor(
    jobs: Sequence[Any], declarations: Sequence[Declaration]
) -> dg.SensorDefinition:
    """The sensor over the release jobs of all models that declare a trigger."""
    watched = [each for each in declarations if each.spec.retraining.has_trigger]

    @dg.sensor(
        name=NAME,
        jobs=list(jobs),
        minimum_interval_seconds=Settings.from_environment().sensor_interval(60),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Trains a model when its schedule, labels, drift, quality or data ask for it.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        platform, now = Platform(Settings.from_environment()), utc_now()
        runs = training_runs(context.instance)
        keep_recent(platform, runs, now=now)
        decided = decide(watched, platform, runs, now=now)
        keep_waiting(platform, decided, now=now)
        requests = [request_of(each, now=now) for each in decided if isinstance(each, Start)]
        waits = [f"{w.wish.model}: {w.because}" for w in decided if isinstance(w, Wait)]
        why_not = "; ".join(waits) or "nothing asks for a training"
        skipped = None if requests else dg.SkipReason(why_not)
        return dg.SensorResult(run_requests=requests, skip_reason=skipped)

    return sensor


def retraining_schedules(declaration: Declaration, job: Any) -> list[dg.ScheduleDefinition]:
    """The declared schedule, running from the start; it notes what is due for the sensor."""
    retraining = declaration.spec.retraining
    if retraining.schedule is None or not retraining.automatic:
        return []

    @dg.schedule(
        name=f"{declaration.spec.name}_retraining",
        job=job,
        cron_schedule=retraining.schedule,
        execution_timezone=retraining.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Retrain {declaration.spec.name}: {retraining.schedule}.",
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> dg.SkipReason:
        platform, tick = Platform(Settings.from_environment()), context.scheduled_execution_time
        note_due(platform, declaration.spec.name, tick=tick, now=utc_now())
        return dg.SkipReason(f"due; the sensor {NAME} starts it, within cool-down and budget")

    return [schedule]


def decide(
    declarations: Sequence[Declaration],
    platform: Platform,
    runs: Sequence[TrainingRun],
    *,
    now: datetime,
) -> list[Start | Wait]:
    """Say for each model that has reasons whether it trains now, after what ran lately."""
    asked = [(declaration, facts_of(declaration, platform)) for declaration in declarations]
    wishes = _wishes((declaration, facts.after(runs)) for declaration, facts in asked)
    return plan(wishes, runs, budget=Budget.of(platform.settings), now=now)


def request_of(start: Start, *, now: datetime) -> dg.RunRequest:
    """The run of a training, which names its reasons and the figures behind them."""
    model = start.wish.model
    return dg.RunRequest(
        run_key=start.run_key,
        job_name=release_job_name(model),
        tags={
            MODEL_TAG: model,
            BY_PLATFORM: "true",
            RETRAINING_TAG: start.why[:TAG_CHARACTERS],
            EVIDENCE_TAG: json.dumps(start.evidence),
            ASKED_TAG: now.isoformat(),
            **({GPU_TAG: "true"} if start.wish.gpu else {}),
        },
    )


def training_runs(instance: dg.DagsterInstance) -> list[TrainingRun]:
    """The trainings that the platform began lately, of all models, by one query.

    A run that is over counts with the time it took from when it was asked for.
    """
    found = instance.get_run_records(dg.RunsFilter(tags={BY_PLATFORM: "true"}), limit=REMEMBERED)
    return [run for record in found for run in _training_run(record)]


def _training_run(record: dg.RunRecord) -> Iterator[TrainingRun]:
    tags = record.dagster_run.tags
    if ASKED_TAG not in tags:
        return
    started = datetime.fromisoformat(tags[ASKED_TAG])
    finished = None
    if record.dagster_run.is_finished:
        begun = record.start_time or 0.0
        took = max((record.end_time or begun) - begun, 0.0)
        finished = datetime.fromtimestamp(started.timestamp() + took, started.tzinfo)
    yield TrainingRun(
        model=tags.get(MODEL_TAG, ""),
        run_id=record.dagster_run.run_id,
        started=started,
        finished=finished,
        gpu=tags.get(GPU_TAG) == "true",
    )


def keep_recent(platform: Platform, runs: Sequence[TrainingRun], *, now: datetime) -> None:
    """Write down what counts against the budgets, for the status page, while that changes."""
    counted = sorted(recent(runs, now=now), key=lambda run: (run.started, run.run_id))
    found = RecentRuns(at=now, runs=tuple(counted))
    text = platform.handles.read(RECENT)
    before = None if text is None else RecentRuns.model_validate_json(text)
    under_way = any(run.finished is None for run in counted)
    if under_way or before is None or before.runs != found.runs:
        platform.handles.write(RECENT, found.model_dump_json())


def keep_waiting(platform: Platform, decided: Sequence[Start | Wait], *, now: datetime) -> None:
    """Write down who waits for what, for the status page and for alerts."""
    because = {each.wish.model: each.because for each in decided if isinstance(each, Wait)}
    before = platform.handles.read(WAITING)
    if because or before is not None:
        text = Waiting(at=now, because=because).model_dump_json()
        platform.handles.write(WAITING, text)


def _wishes(asked: Iterable[tuple[Declaration, Facts]]) -> Iterator[Wish]:
    for declaration, facts in asked:
        spec = declaration.spec
        why = reasons(spec.retraining, facts)
        if why:
            gpu = getattr(spec.training, "device", "cpu") == "cuda"
            yield Wish(spec.name, why, spec.retraining, gpu=gpu)
