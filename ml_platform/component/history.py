"""What Dagster remembers of a model: its last run and the last verdict of each gate."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal

import dagster as dg

from ml_platform.component.blocking import check_specs
from ml_platform.gates.gate import Stage
from ml_platform.plugins import Strict
from ml_platform.spec.load import Declaration


class LastRun(Strict):
    """The latest run that touched an asset of the model, from whatever entry point.

    status: in Dagster's words, small: success, failure, started, queued, canceled ...
    seconds: None while it runs.
    """

    run_id: str
    status: str
    started: datetime | None
    seconds: float | None


class Verdict(Strict):
    """The last evaluation of a check; `pending` where there never was one."""

    asset: str
    check: str
    state: Literal["passed", "failed", "warned", "pending"]
    reason: str = ""
    at: datetime | None = None


def last_run(instance: dg.DagsterInstance, declaration: Declaration) -> LastRun | None:
    """Return the latest run of any of the model's assets; None before the first."""
    name = declaration.spec.name
    keys = [dg.AssetKey([name, asset]) for asset in ("raw_data", *(stage.value for stage in Stage))]
    run_ids = {
        record.asset_entry.last_run_id
        for record in instance.get_asset_records(keys)
        if record.asset_entry.last_run_id is not None
    }
    if not run_ids:
        return None
    [record] = instance.get_run_records(dg.RunsFilter(run_ids=list(run_ids)), limit=1)
    began, ended = record.start_time, record.end_time
    return LastRun(
        run_id=record.dagster_run.run_id,
        status=record.dagster_run.status.value.lower(),
        started=None if began is None else datetime.fromtimestamp(began, UTC),
        seconds=None if began is None or ended is None else ended - began,
    )


def verdicts(instance: dg.DagsterInstance, declaration: Declaration) -> list[Verdict]:
    """Return the last verdict of each declared gate, in the order of the data's way."""
    return list(_verdicts(instance, declaration))


def _verdicts(instance: dg.DagsterInstance, declaration: Declaration) -> Iterator[Verdict]:
    for stage in Stage:
        key = dg.AssetKey([declaration.spec.name, stage.value])
        for spec in check_specs(declaration, key, stage):
            record = instance.get_latest_asset_check_evaluation_record(spec.key)
            event = record.event if record is not None else None
            evaluation = event.asset_check_evaluation if event is not None else None
            if record is None or evaluation is None:
                yield Verdict(asset=stage.value, check=spec.name, state="pending")
                continue
            blocks = evaluation.severity is dg.AssetCheckSeverity.ERROR
            yield Verdict(
                asset=stage.value,
                check=spec.name,
                state="passed" if evaluation.passed else "failed" if blocks else "warned",
                reason=evaluation.description or "",
                at=datetime.fromtimestamp(record.create_timestamp, UTC),
            )
