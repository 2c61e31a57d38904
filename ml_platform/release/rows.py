"""From rows of the release store to what they mean, and back."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from ml_platform.exceptions import StoreError
from ml_platform.release.evidence import Counts
from ml_platform.release.plan import Plan
from ml_platform.release.state import ReleaseState, Transition
from ml_platform.release.worker import WorkerReport

Row = Mapping[Any, Any]

StepEvidence = dict[tuple[int, str], Counts]
"""The counts of one step of a release, by version and role."""

ReleaseEvidence = dict[int, StepEvidence]
"""The counts of every step of a release, by the revision at which the step was entered."""


def transition_row(transition: Transition) -> dict[str, Any]:
    """Return the row of a transition."""
    row = transition.model_dump(mode="json")
    row["evidence"] = json.dumps(row["evidence"], ensure_ascii=False, sort_keys=True)
    row["plan"] = transition.plan.model_dump_json() if transition.plan else None
    return row


def transition(row: Row) -> Transition:
    """Read a transition. Raises StoreError when this version of ml_platform cannot."""
    plan = Plan.model_validate_json(row["plan"]) if row["plan"] else None
    content = {**row, "evidence": json.loads(row["evidence"]), "plan": plan}
    try:
        return Transition.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise StoreError(
            f"the release store holds a transition of {row['model']!r} that this version of "
            f"ml_platform cannot read: {first['loc'][0]} {first['input']!r}: {first['msg']}"
        ) from error


def state_row(state: ReleaseState) -> dict[str, Any]:
    """Return the row of a state."""
    return {
        "model": state.model,
        "revision": state.revision,
        "opened": state.opened,
        "state": state.model_dump_json(exclude_defaults=True),
    }


def state(row: Row) -> ReleaseState | None:
    """Read a kept state; None when another version of ml_platform wrote it in its own way."""
    try:
        return ReleaseState.model_validate_json(row["state"])
    except ValidationError:
        return None


def release_evidence(rows: Iterable[Row]) -> dict[str, ReleaseEvidence]:
    """Add up the counts of all workers, by model, step, and version with role."""
    found: dict[str, ReleaseEvidence] = {}
    for row in rows:
        step = found.setdefault(row["model"], {}).setdefault(row["entered"], {})
        key, counts = (int(row["version"]), str(row["role"])), Counts.from_json(row["counts"])
        step[key] = step[key] + counts if key in step else counts
    return found


def worker_row(report: WorkerReport) -> dict[str, Any]:
    """Return the row of a worker."""
    versions = json.dumps(report.versions)
    return {**report.model_dump(), "versions": versions, "seen_at": report.seen_seconds}


def worker(row: Row) -> WorkerReport:
    """Read a worker."""
    seen = datetime.fromtimestamp(row["seen_at"], UTC)
    versions = tuple(json.loads(row["versions"]))
    return WorkerReport.model_validate({**row, "versions": versions, "seen_at": seen})
