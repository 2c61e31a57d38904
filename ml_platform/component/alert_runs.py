"""Findings from runs: what of a model failed, and the next success of the same job."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import dagster as dg

from ml_platform.component.alert_checks import GATES, TEXT_CHARACTERS
from ml_platform.component.alert_events import CHECKS, FAILURES, Stamp
from ml_platform.component.feedback import feedback_job_name
from ml_platform.component.jobs import (
    MODEL_TAG,
    ingest_job_name,
    monitoring_job_name,
    release_job_name,
)
from ml_platform.component.releases import JOB as COMMAND
from ml_platform.component.releases import ordered_about
from ml_platform.monitoring.incidents import PLATFORM, Finding, Incident

KIND = "run_failed"
ASSETS = "assets"
"""Subject of runs that somebody began from the asset graph."""

Which = tuple[str, str]
"""Model, and what of it runs."""


def jobs_of(models: Iterable[str]) -> dict[str, Which]:
    """The jobs of the models, by name."""
    names = {
        "release": release_job_name,
        "ingest": ingest_job_name,
        "monitoring": monitoring_job_name,
        "feedback": feedback_job_name,
    }
    return {name(m): (m, what) for m in models for what, name in names.items()}


def of_runs(
    instance: dg.DagsterInstance,
    entries: Sequence[dg.EventLogEntry],
    jobs: Mapping[str, Which],
    open_ones: Iterable[Incident],
    *,
    stamp: Stamp,
) -> list[Finding]:
    """A finding for each run that failed, and for each success that ends an incident.

    entries: ends of runs. jobs: what each job is of. A run that a gate stopped is told as that
    gate. Only runs that failed are looked at more closely, and successes while one that was not of
    a model's own job is open.
    """
    open_now = {(i.model, i.subject) for i in open_ones if i.kind == KIND and i.closed is None}
    found: list[Finding] = []
    models = {model for model, _ in jobs.values()}
    for entry in sorted(entries, key=lambda entry: entry.timestamp):
        failed = entry.dagster_event_type is FAILURES
        own = jobs.get(entry.job_name or "")
        of: tuple[Which, ...] = () if own is None else (own,)
        if own is None and (failed or any(what in (ASSETS, COMMAND) for _, what in open_now)):
            of = _of_others(instance, entry, models)
        told = of[:1] if failed else [which for which in of if which in open_now]
        cause = (_cause(instance, entry) if failed else "succeeded") if told else None
        if cause is None:
            continue
        found += [_finding(which, entry, failed, cause, at=stamp(entry)) for which in told]
        open_now = open_now | {*told} if failed else open_now - {*told}
    return found


def _finding(
    which: Which, entry: dg.EventLogEntry, failed: bool, cause: str, *, at: datetime
) -> Finding:
    model, what = which
    run = entry.run_id[:8]
    return Finding(
        model=model,
        kind=KIND,
        subject=what,
        ok=not failed,
        severity="critical" if what in ("release", COMMAND) else "warning",
        text=f"run {run} failed: {cause}" if failed else f"run {run} {cause}",
        at=at,
        evidence={"run": entry.run_id, "job": entry.job_name or ""},
    )


def _of_others(
    instance: dg.DagsterInstance, entry: dg.EventLogEntry, models: Collection[str]
) -> tuple[Which, ...]:
    """What a run of no model's own job is of: an order about a release, or of the asset graph.

    An order about no known model belongs to the platform; the next one that succeeds ends that.
    """
    run = instance.get_run_by_id(entry.run_id)
    if run is None:
        return ()
    if run.job_name == COMMAND:
        model = ordered_about(run.run_config)
        of_platform = (PLATFORM, COMMAND)
        return ((model, COMMAND), of_platform) if model and model in models else (of_platform,)
    first = next((key.path[0] for key in sorted(run.asset_selection or ())), None)
    model = run.tags.get(MODEL_TAG) or first
    return ((model, ASSETS),) if model and model in models else ()


def _cause(instance: dg.DagsterInstance, entry: dg.EventLogEntry) -> str | None:
    """What the first failed step says; None where a gate of the run blocked it."""
    kinds = {dg.DagsterEventType.STEP_FAILURE, CHECKS}
    events = [e.dagster_event for e in instance.all_logs(entry.run_id, of_type=kinds)]
    if any(_blocks(event) for event in events if event and event.event_type is CHECKS):
        return None
    steps = [e.step_failure_data for e in events if e and e.event_type is not CHECKS]
    text = next(_texts(steps), "") or (entry.dagster_event and entry.dagster_event.message)
    return (text or "see its log")[:TEXT_CHARACTERS]


def _blocks(event: dg.DagsterEvent) -> bool:
    check = event.asset_check_evaluation_data
    blocks = check.severity is dg.AssetCheckSeverity.ERROR and not check.passed
    return blocks and check.asset_key.path[-1] in GATES


def _texts(failures: Iterable[Any]) -> Iterator[str]:
    for data in failures:
        if data.user_failure_data is not None and data.user_failure_data.description:
            yield str(data.user_failure_data.description)
        elif data.error is not None:
            yield (data.error.cause or data.error).message.strip()
