"""Run a model's job in this process, as `ml-platform train` does."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import dagster as dg

from ml_platform.component.assets import FORCE_TAG
from ml_platform.component.instance import open_instance
from ml_platform.component.jobs import MODEL_TAG
from ml_platform.component.load import model_definitions
from ml_platform.component.metadata import ROWS
from ml_platform.component.resources import resources
from ml_platform.settings import Settings
from ml_platform.spec.load import Declaration


@dataclass(frozen=True)
class Progress:
    """Something a person wants to know while a run goes on.

    asset: last part of the asset's key. kind: "started", "materialized", "check" or "log".
    text: for people; for a check its name and reason, for a model how its rows were divided.
    verdict: of a check: "passed", "failed" or "inconclusive"; blocks: whether it stops the run.
    """

    asset: str
    kind: str
    text: str
    verdict: str = ""
    blocks: bool = False


@dataclass(frozen=True)
class RunOutcome:
    """What came of a run.

    blocked: names of the checks that stopped it; error: what a person should read, "" when well.
    error_type: name of the class of what was raised, "" when well.
    released: what the release changed, in one sentence; "" where it came to none.
    reused: whether nothing was trained because nothing had changed.
    """

    model: str
    run_id: str
    success: bool
    version: int | None
    reused: bool
    bento: str | None
    released: str
    blocked: tuple[str, ...]
    error: str
    error_type: str
    seconds: float


def train(
    declaration: Declaration,
    *,
    settings: Settings,
    force: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
) -> RunOutcome:
    """Run the model's job in the instance that UI and daemon share.

    A blocked gate is an outcome, not an exception. Raises StoreError when the home is unusable.
    """
    with open_instance(settings) as instance:
        return run_model(declaration, instance=instance, force=force, progress=progress)


def run_model(
    declaration: Declaration,
    *,
    instance: dg.DagsterInstance,
    force: bool = False,
    tags: Mapping[str, str] | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> RunOutcome:
    """Materialize every asset of a release of the model in this process."""
    name = declaration.spec.name
    definitions = dg.Definitions.merge(
        model_definitions(declaration),
        dg.Definitions(resources=resources(), executor=dg.in_process_executor),
    )
    job = definitions.resolve_job_def(f"{name}_release")
    run_id = str(uuid4())
    instance.add_event_listener(run_id, lambda entry: _tell(entry, progress))
    result = job.execute_in_process(
        run_id=run_id,
        instance=instance,
        raise_on_error=False,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        tags={MODEL_TAG: name, **(tags or {}), **({FORCE_TAG: "true"} if force else {})},
    )
    return _outcome(name, result, instance)


def _tell(entry: dg.EventLogEntry, progress: Callable[[Progress], None]) -> None:
    event = entry.dagster_event
    asset = (entry.step_key or "").rpartition("__")[2]
    if event is None:
        if logging.INFO <= int(entry.level) < logging.ERROR:  # what failed comes with the outcome
            progress(Progress(asset, "log", entry.user_message))
    elif event.event_type is dg.DagsterEventType.STEP_START:
        progress(Progress(asset, "started", ""))
    elif event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION:
        shown = event.step_materialization_data.materialization.metadata
        progress(Progress(asset, "materialized", _value(shown, ROWS) or ""))
    elif event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        check = event.asset_check_evaluation_data
        text = f"{check.check_name}: {check.description}"
        verdict = str(check.metadata["verdict"].value)
        blocks = not check.passed and check.severity is dg.AssetCheckSeverity.ERROR
        progress(Progress(asset, "check", text, verdict=verdict, blocks=blocks))


def _outcome(
    name: str, result: dg.ExecuteInProcessResult, instance: dg.DagsterInstance
) -> RunOutcome:
    found = {
        event.asset_key.path[-1]: event.materialization.metadata
        for event in result.get_asset_materialization_events()
        if event.asset_key is not None
    }
    trained, deployed = found.get("trained_model", {}), found.get("deployed_bento", {})
    blocked = [
        check.check_name
        for check in result.get_asset_check_evaluations()
        if not check.passed and check.severity is dg.AssetCheckSeverity.ERROR
    ]
    stats = instance.get_run_stats(result.run_id)
    error, error_type = ("", "") if result.success else _first_error(result)
    return RunOutcome(
        model=name,
        run_id=result.run_id,
        success=result.success,
        version=_value(trained, "version"),
        reused=bool(_value(trained, "reused")),
        bento=_value(deployed, "bento"),
        released=_value(deployed, "release") or "",
        blocked=tuple(blocked),
        error=error,
        error_type=error_type,
        seconds=(stats.end_time or 0) - (stats.start_time or 0),
    )


def _value(metadata: Mapping[str, dg.MetadataValue[Any]], key: str) -> Any:
    return metadata[key].value if key in metadata else None


def _first_error(result: dg.ExecuteInProcessResult) -> tuple[str, str]:
    """What the first failed step raised, for people, and the name of its class."""
    for event in result.all_events:
        if event.event_type is dg.DagsterEventType.STEP_FAILURE:
            data = event.step_failure_data
            if data.error is None:
                continue
            cause = data.error.cause or data.error
            if data.user_failure_data and data.user_failure_data.description:
                return data.user_failure_data.description, cause.cls_name or ""
            told = cause.message.partition(": ")[2].strip() or cause.message.strip()
            return told, cause.cls_name or ""
    return "the run failed before its first step", ""
