"""What a person sees of a materialization in the UI: counts, tables, pictures, links."""

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg
import pandas as pd

from ml_platform.component.handles import TrainedModel
from ml_platform.component.platform import Platform
from ml_platform.data.snapshots import Snapshot
from ml_platform.settings import Settings

if TYPE_CHECKING:
    from ml_platform.component.steps.deploy import BuiltBento, ReleaseOutcome
    from ml_platform.component.steps.evaluate import EvaluationOutcome
    from ml_platform.component.steps.validate import ValidationOutcome

Metadata = dict[str, Any]

PREVIEW_ROWS = 10


def of_snapshot(snapshot: Snapshot, frame: pd.DataFrame) -> Metadata:
    """Rows, version, hash and the first rows of a snapshot."""
    return {
        "dagster/row_count": snapshot.rows,
        "snapshot": f"{snapshot.table}@{snapshot.version}",
        "content_hash": snapshot.content_hash,
        "columns": len(snapshot.columns),
        "preview": dg.MetadataValue.md(
            _markdown(_cells(frame.head(PREVIEW_ROWS).to_dict("records")))
        ),
    }


def of_validation(outcome: "ValidationOutcome", settings: Settings) -> Metadata:
    """Broken rules with counts and samples, and the link to the validation report."""
    from ml_platform.data.report import violations_markdown

    relative = outcome.report.relative_to(settings.reports)
    return {
        "violations": dg.MetadataValue.md(violations_markdown(outcome.validation)),
        "quarantined_rows": len(outcome.validation.quarantined),
        "validation_report": report_link(settings, str(relative)),
    }


def of_model(handle: TrainedModel, platform: Platform) -> Metadata:
    """The version, whether it is new, and the link to its MLflow run."""
    return {
        "version": handle.version,
        "reused": handle.reused,
        "fingerprint": handle.fingerprint,
        "training_data": f"{handle.snapshot.table}@{handle.snapshot.version}",
        "mlflow_run_id": handle.run_id,
        "mlflow_run": dg.MetadataValue.url(platform.registry.run_url(handle.run_id)),
    }


def of_evaluation(outcome: "EvaluationOutcome", platform: Platform) -> Metadata:
    """Metrics that plot over time, the table with slices, curves, and links to the reports."""
    evaluation = outcome.handle.evaluation
    settings = platform.settings
    folder = outcome.folder.relative_to(settings.reports)
    return {
        **{f"metric/{key}": value for key, value in evaluation.values().items()},
        "version": outcome.handle.version,
        "reused": outcome.reused,
        "holdout_rows": evaluation.rows,
        "metrics": dg.MetadataValue.md(_markdown(_cells(evaluation.table()))),
        "gates": dg.MetadataValue.md(_markdown([_verdict(r) for r in outcome.records])),
        "certificate": outcome.handle.certificate,
        **{name: _picture(name, png) for name, png in outcome.pictures.items()},
        "report": report_link(settings, f"{folder}/evaluation.html"),
        "evidently_report": report_link(settings, f"{folder}/evidently.html"),
        "mlflow_run": dg.MetadataValue.url(platform.registry.run_url(outcome.handle.run_id)),
    }


def of_deployment(built: "BuiltBento", outcome: "ReleaseOutcome", platform: Platform) -> Metadata:
    """The Bento, the evidence it stands on, and what it replaced."""
    return {
        "bento": built.handle.tag,
        "version": built.handle.version,
        "reused": built.reused,
        "certificate": built.handle.certificate,
        "certified_gates": dg.MetadataValue.md(
            _markdown([_verdict(r) for r in built.certificate.records])
        ),
        "release": outcome.summary,
        "serve": f"ml-platform serve {built.handle.tag}",
    }


def report_link(settings: Settings, path: str) -> dg.UrlMetadataValue:
    """Where `ml-platform up` serves a report."""
    return dg.MetadataValue.url(f"{settings.reports_address}/{path}")


def _picture(name: str, png: bytes) -> dg.MarkdownMetadataValue:
    encoded = base64.b64encode(png).decode()
    return dg.MetadataValue.md(f"![{name}](data:image/png;base64,{encoded})")


def _verdict(record: Any) -> Metadata:
    result = record.result
    return {
        "gate": record.check,
        "verdict": result.verdict,
        "value": _cell(result.value),
        "bound": _cell(result.bound),
        "rows": _cell(result.rows),
        "reason": result.reason,
    }


def _cells(records: list[dict[Any, Any]]) -> list[Metadata]:
    return [{str(key): _cell(value) for key, value in row.items()} for row in records]


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _markdown(records: list[Metadata]) -> str:
    """A Markdown table; the keys of the first record are its columns."""
    if not records:
        return "(none)"
    head: Mapping[str, Any] = records[0]
    rows = [[str(record[key]).replace("|", "\\|") for key in head] for record in records]
    lines = [list(head), ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
