"""`ml-platform lineage`: where a prediction came from."""

from typing import TYPE_CHECKING

import click

from ml_platform.settings import Settings

if TYPE_CHECKING:
    from ml_platform.component.lineage import Answered, Lineage, Source


@click.command()
@click.argument("prediction_id")
@click.option("--model", help="The model that answered; every model is asked without it.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of a tree.")
def lineage(prediction_id: str, model: str | None, as_json: bool) -> None:
    """Trace a prediction back to version, runs, data, commit, contract and certificate."""
    from ml_platform.component.lineage import lineage_of
    from ml_platform.component.platform import Platform

    platform = Platform(Settings.from_environment())
    found = lineage_of(platform, prediction_id, models=None if model is None else [model])
    click.echo(found.model_dump_json(indent=2) if as_json else _tree(found))


def _tree(found: "Lineage") -> str:
    answered = found.answered
    version = f"version {found.model}:{answered.version}, {answered.role} at that time"
    made_of = [*_made_of(found.source), *([found.problem] if found.problem else [])]
    lines = [f"prediction {answered.prediction_id}"]
    lines += [f"├─ {line}" for line in _said(found.model, answered)]
    lines += [f"└─ {version}"]
    lines += [f"   ├─ {line}" for line in made_of[:-1]]
    lines += [f"   └─ {line}" for line in made_of[-1:]]
    return "\n".join(lines)


def _said(model: str, answered: "Answered") -> list[str]:
    score = "" if answered.score is None else f", score {answered.score:.6g}"
    asked = [f"{name}={value}" for name, value in answered.features.items()]
    when = f"{answered.time:%Y-%m-%d %H:%M:%S.%f} UTC"
    return [
        f"answered {when} by {model}: {answered.prediction}{score}",
        f"asked {', '.join(asked)}",
        f"key {answered.key}, request {answered.request_id or 'unnamed'}",
        f"found in the {answered.found_in}, came by segment {answered.segment}",
    ]


def _made_of(source: "Source") -> list[str]:
    lines = [
        ("MLflow run", source.mlflow_run, source.mlflow_url),
        ("Dagster run", source.dagster_run, ""),
        ("data snapshot", source.snapshot, f"{source.snapshot_rows} rows, {source.snapshot_hash}"),
        ("git commit", source.git_commit, f"code {source.code_version}"),
        ("contract version", source.contract_version, ""),
        ("certificate", source.certificate, _verdicts(source)),
    ]
    known = source.mlflow_run is not None
    return [
        f"{what} {value if value is not None else 'unknown'}{_more(value, more)}"
        for what, value, more in lines
        if known
    ]


def _more(value: object, more: str | None) -> str:
    return f"  ({more})" if more and value is not None else ""


def _verdicts(source: "Source") -> str:
    counted = [
        f"{list(source.gates.values()).count(verdict)} {verdict}"
        for verdict in ("passed", "failed", "inconclusive")
        if verdict in source.gates.values()
    ]
    issued = "" if source.issued_at is None else f"issued {source.issued_at:%Y-%m-%d %H:%M:%S} UTC"
    return ", ".join([issued, *counted])
