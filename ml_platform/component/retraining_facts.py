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
from ml_platform.feedback.maturity import Window
from ml_platform.feedback.teaching import Teaching
from ml_platform.plugins import Strict
from ml_platform.retraining.triggers import Facts
from ml_platform.spec.load import Declaration

T = TypeVar("T", bound=Strict)


class _Audited(Strict, extra="ignore"):
    """Of an audit, what may teach; its tables are long, and a tick reads those of all models."""

    trainable: Trainable


class _Labeled(Strict, extra="ignore"):
    """What this module reads of the handle of `labeled_feedback`."""

    audit: _Audited
    teaching: Teaching = Teaching()
    windows: tuple[Window, ...]
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
    new, through = _new_labels(labeled, since=trained.through)
    fresh = report is not None and report.end > trained.asked_at
    return Facts(
        model=name,
        trained_at=trained.asked_at,
        due=due if due is not None and due > trained.asked_at else None,
        new_labels=new,
        labels_through=through,
        drifted=report.drifted if report is not None and fresh else (),
        drift_report=report.begin.isoformat() if report is not None and fresh else "",
        quality=report.quality if report is not None and fresh else None,
        certified=report.certified if report is not None else None,
        data_version=validated.snapshot.content_hash if validated else None,
        trained_on=trained.snapshot.content_hash,
    )


def _new_labels(labeled: _Labeled | None, *, since: datetime | None) -> tuple[int, str]:
    """Labels of windows that matured since, and up to when they reach; none that may not teach."""
    if labeled is None or labeled.matured is None or labeled.audit.trainable == "none":
        return 0, ""
    windows = [
        window
        for window in labeled.windows
        if window.state == "matured"
        and (since is None or window.start >= since)
        and not any(each.begin <= window.start < each.end for each in labeled.teaching.kept_out)
    ]
    return sum(window.labeled for window in windows), labeled.matured[1].isoformat()


def _read(text: str | None, kind: type[T]) -> T | None:
    return None if text is None else kind.model_validate_json(text)
