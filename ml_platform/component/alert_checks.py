"""Findings from asset checks: of the gates, of the monitoring reports, of the audit of feedback."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import dagster as dg

from ml_platform.component.alert_events import Stamp
from ml_platform.component.monitoring import MONITORING_REPORT
from ml_platform.gates.gate import Stage
from ml_platform.monitoring.checks import MOST_COLUMNS
from ml_platform.monitoring.incidents import Finding, Incident
from ml_platform.spec.monitoring import Severity

ALL = "inputs"
"""The subject of an incident about more columns than are told one by one."""
GATES = frozenset(stage.value for stage in Stage)
KINDS = {
    "input_drift": "drift",
    "prediction_drift": "drift",
    "live_quality": "quality",
}
"""Kinds of the findings of a monitoring report, where they differ from the name of the check."""

BY_COLUMN = frozenset({"input_drift", "data_quality"})
SUBJECTS = {"prediction_drift": "prediction"}
TEXT_CHARACTERS = 500


def of_checks(
    entries: Iterable[dg.EventLogEntry],
    models: Iterable[str],
    open_ones: Iterable[Incident],
    *,
    stamp: Stamp,
) -> list[Finding]:
    """A finding for each evaluation; what was too unclear to judge ends nothing."""
    known, open_now = set(models), {i.thing for i in open_ones if i.closed is None}
    found: list[Finding] = []
    for entry in entries:
        event = entry.dagster_event
        evaluation = event.asset_check_evaluation_data if event else None
        if evaluation is None or evaluation.asset_key.path[0] not in known:
            continue
        if _is_unclear(evaluation):
            continue
        of_one = list(_of_check(evaluation, entry.run_id, open_now, at=stamp(entry)))
        open_now |= {each.thing for each in of_one if not each.ok}
        open_now -= {each.thing for each in of_one if each.ok}
        found += of_one
    return found


def _is_unclear(evaluation: dg.AssetCheckEvaluation) -> bool:
    """Whether too little was known to judge; a gate that cannot tell may still block a release."""
    verdict = _of(evaluation.metadata, "verdict")
    of_gate = evaluation.asset_key.path[-1] in GATES
    return verdict == "unclear" or (verdict == "inconclusive" and not of_gate)


def _of_check(
    evaluation: dg.AssetCheckEvaluation,
    run_id: str,
    open_now: set[tuple[str, str, str]],
    *,
    at: datetime,
) -> Iterator[Finding]:
    model, asset, check = *evaluation.asset_key.path[:2], evaluation.check_name
    critical = evaluation.severity is dg.AssetCheckSeverity.ERROR
    severity: Severity = "critical" if critical else "warning"
    kind = _kind(asset, check, critical=critical)
    text = evaluation.description or check
    wrong = set() if evaluation.passed else _subjects(evaluation, asset, check)
    if check in BY_COLUMN and asset == MONITORING_REPORT:
        own = {s for m, k, s in open_now if (m, k) == (model, kind)} - set(SUBJECTS.values())
    else:
        own = _subjects(evaluation, asset, check)
    kinds = {kind, "blocked_gate", "gate"} if asset in GATES else {kind}
    ended_now = {(k, s) for k in kinds for s in own if k != kind or s not in wrong}
    ended_now = {each for each in ended_now if (model, *each) in open_now}
    for each, subject, ok in [
        *((k, s, True) for k, s in sorted(ended_now)),
        *((kind, s, False) for s in sorted(wrong)),
    ]:
        yield Finding(
            model=model,
            kind=each,
            subject=subject,
            ok=ok,
            severity=severity,
            text=(text if ok else _about(text, subject))[:TEXT_CHARACTERS],
            at=at,
            version=_version(evaluation.metadata),
            window=_of(evaluation.metadata, "window"),
            evidence={"asset": asset, "check": check, "run": run_id},
        )


def _about(text: str, subject: str) -> str:
    """The part of a report's sentence that is about the column, where there is one."""
    parts = [part for part in text.split("; ") if part.startswith(f"{subject} ")]
    return parts[0] if parts else text


def _kind(asset: str, check: str, *, critical: bool) -> str:
    if asset in GATES:
        return "blocked_gate" if critical else "gate"
    return KINDS.get(check, check) if asset == MONITORING_REPORT else "feedback"


def _subjects(evaluation: dg.AssetCheckEvaluation, asset: str, check: str) -> set[str]:
    if asset != MONITORING_REPORT:
        return {check}
    if check not in BY_COLUMN:
        return {SUBJECTS.get(check, "")}
    columns = _of(evaluation.metadata, "subjects") or [ALL]
    return set(columns) if len(columns) <= MOST_COLUMNS else {ALL}


def _of(metadata: Mapping[str, Any], name: str) -> Any:
    return metadata[name].value if name in metadata else None


def _version(metadata: Mapping[str, Any]) -> int | None:
    found = _of(metadata, "version")
    return int(found) if isinstance(found, (int, float)) and found else None
