"""validated_data: hold the rows against the contract, keep the good, set aside the bad."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from ml_platform.component.handles import FeedbackUsed, RawData, ValidatedData
from ml_platform.component.platform import Platform
from ml_platform.component.steps.data_gates import judge_data, origin
from ml_platform.component.steps.feedback_rows import with_feedback
from ml_platform.data.handles import HandleStore
from ml_platform.data.report import validation_document, validation_html
from ml_platform.data.snapshots import Snapshot
from ml_platform.data.validation import Validation, validate
from ml_platform.evaluation.data_docs import VALIDATION, digest_of, write_document, write_index
from ml_platform.gates.result import GateRecord, GateResult
from ml_platform.spec.load import Declaration


@dataclass(frozen=True)
class ValidationOutcome:
    """What came of a validation; `handle` is None when the contract or a gate blocks.

    records: of the contract, and, where that holds, of the gates on the valid rows.
    """

    records: tuple[GateRecord, ...]
    validation: Validation
    report: Path
    handle: ValidatedData | None
    feedback: FeedbackUsed
    outside: int


def validate_rows(
    declaration: Declaration, platform: Platform, raw: RawData, *, now: datetime
) -> ValidationOutcome:
    """Validate a raw snapshot; valid rows become a snapshot only when contract and gates hold.

    Quarantined rows are kept in a table of their own either way.
    """
    spec = declaration.spec
    source = platform.snapshots.read(raw.snapshot.table, version=raw.snapshot.version)
    rows, feedback = with_feedback(declaration, platform, source)
    frame = within_window(declaration, rows)
    outside = len(rows) - len(frame)
    validation = validate(
        frame,
        spec.data.contract,
        event_time=spec.data.event_time,
        folder=declaration.folder,
        now=now,
    )
    quarantine = _keep_quarantined(platform, f"{spec.name}/quarantine", validation, raw)
    record = contract_record(declaration, validation)
    report = _write_report(declaration, platform, validation, raw, feedback, now=now)
    if not validation.passed:
        return ValidationOutcome((record,), validation, report, None, feedback, outside)
    gates = judge_data(declaration, platform, raw, validation.valid)
    handle = None
    if not any(gate.blocks for gate in gates):
        snapshot = platform.snapshots.write(
            f"{spec.name}/validated_data", validation.valid, metadata=origin(declaration, raw)
        )
        handle = ValidatedData(
            snapshot=snapshot,
            quarantine=quarantine,
            contract=record,
            gates=gates,
            feedback=feedback,
            outside=outside,
        )
    return ValidationOutcome((record, *gates), validation, report, handle, feedback, outside)


def within_window(declaration: Declaration, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that are not older than the declared window before the latest."""
    window, event_time = declaration.spec.training_data.window, declaration.spec.data.event_time
    if window is None or event_time is None or event_time not in rows.columns:
        return rows
    times = pd.to_datetime(rows[event_time], errors="coerce", utc=True)
    kept = ~(times < times.max() - window)  # a row without a time is for the contract
    return rows[kept].reset_index(drop=True)


def contract_record(declaration: Declaration, validation: Validation) -> GateRecord:
    """The validation as a gate's verdict, which always blocks when it failed."""
    contract = declaration.spec.data.contract
    broken = [violation for violation in validation.violations if violation.count]
    bad_rows = len(validation.quarantined)
    if validation.passed and not broken:
        reason = f"all {validation.rows:,} rows keep contract version {contract.version}"
    elif validation.passed:
        reason = f"{bad_rows:,} of {validation.rows:,} rows were quarantined"
    else:
        worst = "; ".join(str(violation) for violation in broken[:3])
        more = f" and {len(broken) - 3} more" if len(broken) > 3 else ""
        rules = "1 rule" if len(broken) == 1 else f"{len(broken)} rules"
        reason = f"contract version {contract.version}: {rules} broken: {worst}{more}"
    if validation.dropped_columns:
        reason += f"; columns that it does not know were let go: {_some(validation)}"
    result = GateResult(
        verdict="passed" if validation.passed else "failed",
        value=float(len(broken)),
        bound=0.0,
        rows=validation.rows,
        reason=reason,
    )
    declared, blocks = declaration.spec.contract_gate, not validation.passed
    return GateRecord(check="contract", gate=declared, result=result, blocks=blocks)


def _some(validation: Validation, most: int = 5) -> str:
    names = validation.dropped_columns
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _keep_quarantined(
    platform: Platform, table: str, validation: Validation, raw: RawData
) -> Snapshot | None:
    if validation.quarantined.empty:
        return None
    metadata = {"raw": raw.snapshot.content_hash}
    return platform.snapshots.write(table, validation.quarantined, metadata=metadata)


def _write_report(
    declaration: Declaration,
    platform: Platform,
    validation: Validation,
    raw: RawData,
    feedback: FeedbackUsed,
    *,
    now: datetime,
) -> Path:
    """Write page and document under a name that has their content, so that another is kept too."""
    spec = declaration.spec
    reports, contract = platform.settings.reports, spec.data.contract
    document = validation_document(
        validation, model=spec.name, contract=contract, snapshot=raw.snapshot, when=now
    )
    document["feedback"] = feedback.model_dump(mode="json")
    name = f"{raw.snapshot.content_hash[:16]}-v{contract.version}-{digest_of(document)[:12]}"
    path = f"{spec.name}/{VALIDATION}/{name}"
    html = validation_html(validation, model=spec.name, contract=contract, when=now)
    HandleStore(str(reports)).write(f"{path}.html", html)
    write_document(reports, f"{path}.json", document)
    write_index(reports, model=spec.name)
    return reports / f"{path}.html"
