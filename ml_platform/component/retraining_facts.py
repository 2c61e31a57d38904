"""What is known of a model since its last training, from the small documents its assets left."""

from datetime import datetime
from typing import TypeVar

from pydantic import AwareDatetime

from ml_platform.component.handles import TrainedModel
from ml_platform.component.monitoring import ReportHandle
from ml_platform.component.platform import Platform
from ml_platform.data.snapshots import Snapshot
from ml_platform.feedback.audit import Trainable
from ml_platform.feedback.labeled import NAME as LABELED
from ml_platform.plugins import Strict
from ml_platform.retraining.triggers import Facts
from ml_platform.spec.load import Declaration

T = TypeVar("T", bound=Strict)


class _Audited(Strict, extra="ignore"):
    """Of an audit, what may teach; its tables are long, and a tick reads those of all models."""

    trainable: Trainable


class _Taught(Strict, extra="ignore"):
    """Of what audits said, the labels that may teach, by the start of their window."""

    labels: dict[AwareDatetime, int] = {}  # noqa: RUF012 - pydantic copies it


class _Labeled(Strict, extra="ignore"):
    """What this module reads of the handle of `labeled_feedback`."""

    audit: _Audited
    teaching: _Taught = _Taught()
    matured: tuple[AwareDatetime, AwareDatetime] | None


class _Validated(Strict, extra="ignore"):
    """What this module reads of the handle of `validated_data`."""

    snapshot: Snapshot


class Due(Strict):
    """A training that a schedule asks for.

    tick: of the schedule, by the machine's clock. at: the same by the platform's, or when it was
    noted where that is earlier, as simulated time is.
    """

    tick: AwareDatetime
    at: AwareDatetime


def note_due(platform: Platform, model: str, *, tick: datetime, now: datetime) -> None:
    """Write down that a training is due; the same tick, evaluated again, changes nothing."""
    noted = _read(platform.handles.read(_due_file(model)), Due)
    if noted is None or noted.tick < tick:
        due = Due(tick=tick, at=min(tick, now))
        platform.handles.write(_due_file(model), due.model_dump_json())


def _due_file(model: str) -> str:
    return f"retraining/due/{model}.json"


def _due(declaration: Declaration, platform: Platform) -> datetime | None:
    """Since when the schedule asks; one that is not declared any more asks nothing."""
    if declaration.spec.retraining.schedule is None:
        return None
    noted = _read(platform.handles.read(_due_file(declaration.spec.name)), Due)
    return noted.at if noted is not None else None


def facts_of(declaration: Declaration, platform: Platform) -> Facts:
    """Read the facts; five small files, no rows."""
    name, handles = declaration.spec.name, platform.handles
    due = _due(declaration, platform)
    trained = _read(handles.read(f"{name}/trained_model/latest.json"), TrainedModel)
    if trained is None:
        return Facts(model=name, due=due)
    validated = _read(handles.read(f"{name}/validated_data/latest.json"), _Validated)
    labeled = _read(handles.read(f"{name}/{LABELED}/latest.json"), _Labeled)
    report = _read(handles.read(f"{name}/monitoring_report/latest.json"), ReportHandle)
    new, through = _new_labels(declaration, labeled, trained)
    fresh = report is not None and report.end > trained.asked_at
    return Facts(
        model=name,
        trained_at=trained.asked_at,
        due=due if due is not None and due > trained.asked_at else None,
        new_labels=new,
        labels_through=through,
        drifted=report.drifted if report is not None and fresh else (),
        moved=report.moved if report is not None and fresh else {},
        drift_test=report.test if report is not None and fresh else "",
        drift_report=report.begin.isoformat() if report is not None and fresh else "",
        quality=report.quality if report is not None and fresh else None,
        certified=report.certified if report is not None else None,
        data_version=validated.snapshot.content_hash if validated else None,
        trained_on=trained.snapshot.content_hash,
    )


def _new_labels(
    declaration: Declaration, labeled: _Labeled | None, trained: TrainedModel
) -> tuple[int, str]:
    """Labels of windows that matured since, and up to when they reach; none that may not teach."""
    feedback = declaration.spec.feedback
    if feedback is None or labeled is None or labeled.matured is None:
        return 0, ""
    if labeled.audit.trainable == "none":
        return 0, ""
    since = trained.new_from(feedback)
    new = [count for start, count in labeled.teaching.labels.items() if start >= since]
    return sum(new), labeled.matured[1].isoformat()


def _read(text: str | None, kind: type[T]) -> T | None:
    return None if text is None else kind.model_validate_json(text)
