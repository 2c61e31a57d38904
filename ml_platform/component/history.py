"""What is remembered of a model: its last run and the last verdict of each gate."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal

import dagster as dg

from ml_platform.component.blocking import check_specs
from ml_platform.gates.gate import Stage
from ml_platform.gates.result import GateRecord
from ml_platform.monitoring.waivers import Certified
from ml_platform.plugins import Strict
from ml_platform.registry.waiver import waiver_of
from ml_platform.spec.load import Declaration

State = Literal["passed", "failed", "warned", "pending"]


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
    """The last evaluation of a check; `pending` where nothing tells of one."""

    asset: str
    check: str
    state: State
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


def verdicts(
    instance: dg.DagsterInstance, declaration: Declaration, *, certified: Certified | None
) -> list[Verdict]:
    """Return the last verdict of each declared gate, in the order of the data's way.

    certified: of the latest version; it tells where Dagster's history has nothing to say.
    """
    return list(_verdicts(instance, declaration, certified or Certified()))


def _verdicts(
    instance: dg.DagsterInstance, declaration: Declaration, certified: Certified
) -> Iterator[Verdict]:
    declared = declaration.spec.required_gates
    told = {
        record.check: _certified(record, certified)
        for record in certified.gates
        if record.is_of(declared.get(record.check, {}))
    }
    for stage in Stage:
        key = dg.AssetKey([declaration.spec.name, stage.value])
        for spec in check_specs(declaration, key, stage):
            record = instance.get_latest_asset_check_evaluation_record(spec.key)
            event = record.event if record is not None else None
            evaluation = event.asset_check_evaluation if event is not None else None
            if record is None or evaluation is None:
                state, reason = told.get(spec.name, ("pending", ""))
                at = certified.when if reason else None
                yield Verdict(asset=stage.value, check=spec.name, state=state, reason=reason, at=at)
                continue
            blocks = evaluation.severity is dg.AssetCheckSeverity.ERROR
            yield Verdict(
                asset=stage.value,
                check=spec.name,
                state="passed" if evaluation.passed else "failed" if blocks else "warned",
                reason=evaluation.description or "",
                at=datetime.fromtimestamp(record.create_timestamp, UTC),
            )


def _certified(record: GateRecord, certified: Certified) -> tuple[State, str]:
    """What Dagster's history would say of a record, and its reason."""
    reason = record.result.reason
    if record.result.verdict == "passed":
        return "passed", reason
    waiver = certified.when and waiver_of(record, certified.waivers, now=certified.when)
    if record.blocks and not waiver:
        return "failed", reason
    return "warned", f"{reason}; {waiver}" if waiver else reason
