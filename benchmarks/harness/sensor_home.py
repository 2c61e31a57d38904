"""A home as a thousand models leave it: what each sensor looks at, and nothing that none reads."""

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any
from uuid import uuid4

import dagster as dg
import pyarrow as pa
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    InProcessCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    ScheduleInstigatorData,
    TickData,
    TickStatus,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from ml_platform.component.feedback import LabeledFeedback
from ml_platform.component.handles import TrainedModel, ValidatedData
from ml_platform.component.jobs import MODEL_TAG, release_job_name
from ml_platform.component.monitoring import ReportHandle
from ml_platform.component.platform import Platform
from ml_platform.component.retraining import ASKED_TAG, BY_PLATFORM
from ml_platform.data.snapshots import Snapshot
from ml_platform.feedback.audit import Audit
from ml_platform.feedback.inference_table import InferenceTable
from ml_platform.feedback.labels_received import labels_table
from ml_platform.feedback.maturity import Window
from ml_platform.feedback.teaching import Teaching
from ml_platform.gates.result import GateRecord, GateResult
from ml_platform.monitoring.checks import CHECKS
from ml_platform.serving.journal.segment import CLOSED

DECLARED = """\
  feedback: {label_delay: 1h, window: 1d}
  retraining: {schedule: "0 3 * * *", min_new_labels: 5000, on_drift: true, on_new_data: true}
"""
"""Feedback, and every trigger of retraining but quality."""

DAY = timedelta(days=1)
WINDOWS = 30
"""Windows of labels that a model has had: a month of days."""

LABELS = 1_000
"""Labels of a day."""

GROUPS = 10
"""Variables of an audit, and groups of each."""


def fill_tables(platform: Platform, models: list[str], *, rows: int, now: datetime) -> None:
    """Give each model as many logged predictions, and a label for each; real Delta tables."""
    data, first = Path(platform.settings.data_url), models[0]
    times = [now - DAY + each * (DAY / rows) for each in range(rows)]
    ids = [f"prediction-{each}" for each in range(rows)]
    log = {"prediction_id": ids, "time": times, "score": [0.5] * rows, "version": [1] * rows}
    labels = {"prediction_id": ids, "label": ["true"] * rows, "received_at": times}
    for table, columns in (
        (InferenceTable(str(data), first), log),
        (labels_table(str(data), first), labels),
    ):
        looked = table.look()
        schema = pa.schema([looked.schema.field(name) for name in columns])
        table.append(pa.table(columns, schema=schema), {"worker/1": 1}, looked=looked)
    for model in models[1:]:
        copytree(data / first, data / model, copy_function=os.link)


def fill_journals(platform: Platform, models: list[str]) -> None:
    """A closed segment of each of two workers, to be ingested."""
    for model in models:
        for worker in ("a", "b"):
            folder = platform.settings.journal / model / worker
            folder.mkdir(parents=True)
            (folder / f"00000001{CLOSED}").write_bytes(b"")


def fill_handles(platform: Platform, models: list[str], *, now: datetime) -> None:
    """What the assets of each model left, with labels enough for a training."""
    for model in models:
        for handle in handles(model, now=now):
            path = f"{model}/{handle.asset}/latest.json"
            platform.handles.write(path, handle.model_dump_json())


def handles(model: str, *, now: datetime) -> Iterator[Any]:
    """The latest handle of each asset that a sensor reads."""
    snapshot = Snapshot(
        table=f"{model}/validated_data", version=1, content_hash="0" * 64, rows=1000, columns=("a",)
    )
    passed = GateResult(verdict="passed", reason="the contract holds", details=audit_details())
    record = GateRecord(check="contract", gate={"type": "contract"}, result=passed, blocks=False)
    trained = now - WINDOWS * DAY
    yield ValidatedData(snapshot=snapshot, quarantine=None, contract=record)
    yield TrainedModel(
        version=1, run_id="0" * 32, fingerprint="0" * 64, snapshot=snapshot, reused=False,
        asked_at=trained, through=trained,
    )  # fmt: skip
    starts = [trained + each * DAY for each in range(WINDOWS)]
    windows = [
        Window(start=start, end=start + DAY, matures_at=start + DAY, predicted=LABELS,
               labeled=LABELS, state="matured")
        for start in starts
    ]  # fmt: skip
    yield LabeledFeedback(
        table=f"{model}/labeled_feedback", version=1, counts={"joined": LABELS * WINDOWS},
        audit=Audit(result=passed, trainable="all"),
        teaching=Teaching(until=now, labels=dict.fromkeys(starts, LABELS)),
        matured=(trained, now), windows=tuple(windows), delay=None,
    )  # fmt: skip
    yield ReportHandle(model=model, begin=now - DAY, end=now)


def audit_details() -> dict[str, Any]:
    """What an audit says of its variables."""
    group = {"group": "value", "predicted": 1000, "labeled": 900, "share": 0.9, "chance": 0.5}
    return {"coverage": {f"variable_{each}": [group] * GROUPS for each in range(GROUPS)}}


def fill_history(instance: dg.DagsterInstance, models: list[str], *, now: datetime) -> None:
    """A training of each model within the last day, and a schedule that was evaluated."""
    location = InProcessCodeLocationOrigin(LoadableTargetOrigin(), location_name="here")
    repository = RemoteRepositoryOrigin(location, "all")
    for model in models:
        asked = {ASKED_TAG: (now - DAY / 2).isoformat(), BY_PLATFORM: "true", MODEL_TAG: model}
        instance.add_run(
            dg.DagsterRun(
                job_name=release_job_name(model),
                run_id=str(uuid4()),
                tags=asked,
                status=dg.DagsterRunStatus.SUCCESS,
                asset_selection=frozenset({dg.AssetKey([model, "trained_model"])}),
            )
        )
        origin = RemoteInstigatorOrigin(repository, f"{model}_retraining")
        data = ScheduleInstigatorData("0 3 * * *", now.timestamp())
        running = InstigatorStatus.DECLARED_IN_CODE
        state = InstigatorState(origin, InstigatorType.SCHEDULE, running, data)
        instance.add_instigator_state(state)
        instance.create_tick(
            TickData(
                instigator_origin_id=origin.get_id(),
                instigator_name=origin.instigator_name,
                instigator_type=InstigatorType.SCHEDULE,
                status=TickStatus.SKIPPED,
                timestamp=now.timestamp(),
                selector_id=state.selector_id,
            )
        )


def report_checks(instance: dg.DagsterInstance, models: list[str], *, count: int) -> None:
    """So many findings of reports, one of 50 of them a failure."""
    names = list(CHECKS)
    for number in range(count):
        model, check = models[number % len(models)], names[number // len(models) % len(names)]
        instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=dg.AssetKey([model, "monitoring_report"]),
                check_name=check,
                passed=number % 50 > 0,
                metadata={"verdict": "passed" if number % 50 else "failed", "rows": 10_000},
                severity=dg.AssetCheckSeverity.WARN,
                description="a finding of the benchmark",
            )
        )
