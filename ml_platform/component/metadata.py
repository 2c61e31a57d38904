"""What a person sees of a materialization in the UI: counts, tables, pictures, links."""

import base64
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import pandas as pd

from ml_platform.component.handles import SplitRows, TrainedModel
from ml_platform.component.platform import Platform
from ml_platform.component.tables import as_given, markdown_table, preview
from ml_platform.data.contract import ColumnContract, Contract
from ml_platform.data.snapshots import Snapshot
from ml_platform.evaluation.report import Evaluation
from ml_platform.settings import Settings

if TYPE_CHECKING:
    from ml_platform.component.steps.deploy import BuiltBento
    from ml_platform.component.steps.evaluate import EvaluationOutcome
    from ml_platform.component.steps.release import ReleaseOutcome
    from ml_platform.component.steps.validate import ValidationOutcome
    from ml_platform.data.validation import Validation
    from ml_platform.registry.certificate import Certificate

Metadata = dict[str, Any]

ROWS = "rows"
"""What the page of a trained model says of its rows; a terminal shows it, too."""


def of_contract(contract: Contract) -> Metadata:
    """The columns as the contract wants them: shown on the asset's page before any run."""
    columns = [
        dg.TableColumn(
            name,
            type=column.dtype,
            description=column.description,
            constraints=dg.TableColumnConstraints(
                nullable=column.nullable, unique=column.unique, other=_rules(column)
            ),
        )
        for name, column in contract.columns.items()
    ]
    return {"dagster/column_schema": dg.TableSchema(columns=columns)}


def of_snapshot(snapshot: Snapshot, frame: pd.DataFrame, contract: Contract) -> Metadata:
    """Rows, version, hash and the first rows of a snapshot, sensitive columns left out."""
    return {
        "dagster/row_count": snapshot.rows,
        "snapshot": f"{snapshot.table}@{snapshot.version}",
        "content_hash": snapshot.content_hash,
        "columns": len(snapshot.columns),
        "preview": dg.MetadataValue.md(preview(frame, without=_sensitive(contract))),
    }


def of_notes(frame: pd.DataFrame) -> Metadata:
    """What a source notes in `frame.attrs`, such as the rows that it left out and why."""
    return {
        str(name): note if isinstance(note, (int, float, str)) else dg.MetadataValue.json(note)
        for name, note in frame.attrs.items()
    }


def of_validation(outcome: "ValidationOutcome", settings: Settings) -> Metadata:
    """Broken rules with counts and samples, and the link to the validation report."""
    relative = outcome.report.relative_to(settings.reports)
    return {
        "violations": _violations(outcome.validation),
        "quarantined_rows": len(outcome.validation.quarantined),
        "dropped_columns": ", ".join(outcome.validation.dropped_columns) or "none",
        "feedback_rows": outcome.feedback.rows,
        "feedback_kept_out": outcome.feedback.kept_out,
        **({"feedback": outcome.feedback.reason} if outcome.feedback.reason else {}),
        **({"rows_outside_window": outcome.outside} if outcome.outside else {}),
        "validation_report": report_link(settings, str(relative)),
        "data_docs": report_link(settings, f"{relative.parts[0]}/index.html"),
    }


def of_model(handle: TrainedModel, platform: Platform) -> Metadata:
    """The version, whether it is new, and the link to its MLflow run."""
    return {
        "version": handle.version,
        "reused": handle.reused,
        "fingerprint": handle.fingerprint,
        "training_data": f"{handle.snapshot.table}@{handle.snapshot.version}",
        **_divided(handle.rows),
        "mlflow_run_id": handle.run_id,
        "mlflow_run": dg.MetadataValue.url(platform.registry.run_url(handle.run_id)),
    }


def _divided(rows: SplitRows | None) -> Metadata:
    """How many rows each part has, to plot, and in a sentence, which the terminal shows too."""
    if rows is None:
        return {}
    counts = {f"{part}_rows": count for part, count in rows.model_dump().items()}
    return {ROWS: str(rows), **counts}


def of_evaluation(outcome: "EvaluationOutcome", platform: Platform, *, now: datetime) -> Metadata:
    """Metrics that plot over time, the curves, tables with slices, and links to the reports.

    The curves are there twice: at once to be seen where the report server runs, and whole in
    Dagster's own history.
    """
    evaluation = outcome.handle.evaluation
    folder = outcome.folder.relative_to(platform.settings.reports)
    address = f"{platform.settings.reports_address}/{folder}"
    return {
        **{f"metric/{key}": value for key, value in evaluation.values().items()},
        "version": outcome.handle.version,
        "reused": outcome.reused,
        "holdout_rows": evaluation.rows,
        **_origin(platform, folder, outcome.handle.run_id),
        "model_card": report_link(platform.settings, f"{folder}/card.html"),
        **_evidently(platform, outcome.folder),
        "data_docs": report_link(platform.settings, f"{folder.parts[0]}/index.html"),
        "metrics": dg.MetadataValue.md(markdown_table(_metrics(evaluation, whole=True))),
        "gates": _verdicts(outcome.certificate, now=now),
        "certified": _facts(outcome.certificate),
        "curves": dg.MetadataValue.md(
            " ".join(f"![{name}]({address}/{name}.png)" for name in outcome.pictures)
        ),
        "slices": dg.MetadataValue.md(markdown_table(_metrics(evaluation, whole=False))),
        "certificate": outcome.handle.certificate,
        **{name: _picture(name, png) for name, png in outcome.pictures.items()},
    }


def _origin(platform: Platform, folder: Path, run_id: str) -> Metadata:
    """The links from a version to its report and its MLflow run."""
    return {
        "report": report_link(platform.settings, f"{folder}/evaluation.html"),
        "mlflow_run": dg.MetadataValue.url(platform.registry.run_url(run_id)),
    }


def _evidently(platform: Platform, folder: Path) -> Metadata:
    """The link to Evidently's page, where it was drawn."""
    page = folder / "evidently.html"
    if not page.exists():
        return {}
    where = page.relative_to(platform.settings.reports)
    return {"evidently_report": report_link(platform.settings, str(where))}


def of_deployment(
    built: "BuiltBento",
    outcome: "ReleaseOutcome",
    platform: Platform,
    *,
    run_id: str,
    now: datetime,
) -> Metadata:
    """The Bento, the evidence it stands on, and what it replaced.

    run_id: of MLflow, that trained the version.
    """
    folder = Path(built.certificate.model, f"v{built.handle.version}")
    return {
        "bento": built.handle.tag,
        "version": built.handle.version,
        "reused": built.reused,
        **_origin(platform, folder, run_id),
        "certificate": built.handle.certificate,
        "certified_gates": _verdicts(built.certificate, now=now),
        "certified": _facts(built.certificate),
        "scoring": str(built.certificate.scoring),
        "release": outcome.summary,
        "serve": f"ml-platform serve {built.handle.tag}",
    }


def report_link(settings: Settings, path: str) -> dg.UrlMetadataValue:
    """Where `ml-platform up` serves a report."""
    return dg.MetadataValue.url(f"{settings.reports_address}/{path}")


def _violations(validation: "Validation") -> dg.MetadataValue[Any]:
    """A table: the page of a check shows it at once, Markdown only when one clicks on it."""
    from ml_platform.data.report import violations_table

    if not validation.violations:
        return dg.MetadataValue.text(f"all {validation.rows:,} rows keep the contract")
    records = [
        {**row, "rows": row["rows"] or "", "samples": "; ".join(map(_sample, row["samples"]))}
        for row in violations_table(validation)
    ]
    return dg.MetadataValue.table(
        [dg.TableRecord({**row, "column": row["column"] or "(table)"}) for row in records]
    )


def _sample(sample: Mapping[str, Any]) -> str:
    values = ", ".join(f"{key}={as_given(value)}" for key, value in sample.items() if key != "row")
    return f"row {sample['row']}: {values}"


def _sensitive(contract: Contract) -> set[str]:
    return {name for name, column in contract.columns.items() if column.sensitive}


def _rules(column: ColumnContract) -> list[str]:
    """What the contract says of a column's values, each rule in a few words."""
    elsewhere = {"dtype", "description", "nullable", "unique"}
    declared = column.model_dump(mode="json", exclude_defaults=True, exclude=elsewhere)
    return [f"{rule}: {as_given(bound)}" for rule, bound in declared.items()]


def _metrics(evaluation: Evaluation, *, whole: bool) -> list[Metadata]:
    """Rows for people: of the whole holdout, or of its slices."""
    interval = f"{evaluation.confidence:.4g} interval"
    return [
        {
            **({} if whole else {"slice": f"{row['column']} = {row['slice']}"}),
            "metric": row["key"],
            "value": row["reason"] if row["value"] is None else f"{row['value']:.4g}",
            interval: "" if row["low"] is None else f"{row['low']:.4g} to {row['high']:.4g}",
            "rows": row["rows"],
        }
        for row in evaluation.table()
        if whole is (row["column"] == "")
    ]


def _picture(name: str, png: bytes) -> dg.MarkdownMetadataValue:
    encoded = base64.b64encode(png).decode()
    return dg.MetadataValue.md(f"![{name}](data:image/png;base64,{encoded})")


def _facts(certificate: "Certificate") -> dg.MarkdownMetadataValue:
    """What the verdicts are about: data, contract, code, environment."""
    rows = [{"of": name, "is": told} for name, told in certificate.facts.items()]
    return dg.MetadataValue.md(markdown_table(rows))


def _verdicts(certificate: "Certificate", *, now: datetime) -> dg.MarkdownMetadataValue:
    """Every record of the certificate, and who answers, or answered, for what is waived."""
    waived = {waiver.check: told for waiver, told in certificate.told_waivers(now=now)}
    rows = [
        {
            "gate": record.check,
            "verdict": record.result.verdict,
            "reason": record.result.reason,
            **({"waiver": waived.get(record.check, "")} if waived else {}),
        }
        for record in certificate.records
    ]
    return dg.MetadataValue.md(markdown_table(rows))
