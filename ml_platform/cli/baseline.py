"""`ml-platform baseline`: show, or move on purpose, what a model must keep up with."""

import json
from typing import Any

import click

from ml_platform.cli import said
from ml_platform.cli.declared import declaration_of
from ml_platform.clock import utc_now
from ml_platform.evaluation.baseline import Baseline, read_baseline, write_baseline
from ml_platform.settings import Settings


@click.command()
@click.argument("name")
@click.option("--accept", "version", type=int, help="Make this version's metrics the baseline.")
@click.option("--by", type=said.text, help="Who accepts it; required with --accept.")
@click.option("--reason", type=said.text, help="Why; required with --accept.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def baseline(
    name: str, version: int | None, by: str | None, reason: str | None, as_json: bool
) -> None:
    """Show the accepted baseline of a model, or accept another.

    It is written to baseline.json beside the declaration, for version control.
    """
    declaration = declaration_of(Settings.from_environment(), name)
    if version is None:
        _show(read_baseline(declaration.folder), as_json)
        return
    if not by or not reason:
        raise click.UsageError("--accept needs --by and --reason")
    accepted = Baseline(
        version=version,
        **_measured(declaration.spec.name, version),
        by=by,
        reason=reason,
        accepted_at=utc_now(),
    )
    file = write_baseline(declaration.folder, accepted)
    _show(accepted, as_json)
    if not as_json:
        click.echo(f"written to {file}; commit it", err=True)


def _measured(model: str, version: int) -> dict[str, Any]:
    """Metrics of the whole holdout and, where gates measured them, of its slices, and costs."""
    from ml_platform.component.platform import Platform
    from ml_platform.component.steps.certify import certificate_of
    from ml_platform.gates.costs import measured_costs

    certificate = certificate_of(Platform(Settings.from_environment()), model, version)
    metrics = {key: value for key, value in certificate.metrics.items() if value is not None}
    slices: dict[str, dict[str, float]] = {}
    for record in certificate.records:
        own = record.result.details.get("own")
        if isinstance(own, dict):
            slices.setdefault(record.gate["metric"], {}).update(own)
    costs = measured_costs(certificate.records)
    return {"metrics": metrics, "slices": slices, "costs": costs}


def _show(accepted: Baseline | None, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(accepted and accepted.model_dump(mode="json")))
    elif accepted is None:
        click.echo("no baseline is accepted; gates compare with the champion")
    else:
        when = f"{accepted.accepted_at:%Y-%m-%d %H:%M %Z}"
        click.echo(f"version {accepted.version}, accepted by {accepted.by} at {when}")
        click.echo(f"because: {accepted.reason}")
        for key, value in accepted.metrics.items():
            click.echo(f"  {key:32} {value:.6g}")
        for key, values in accepted.slices.items():
            for name, value in values.items():
                click.echo(f"  {f'{key} of {name}':32} {value:.6g}")
        costs = accepted.costs
        for name, count in (("model", costs.model_bytes), ("memory", costs.resident_bytes)):
            if count is not None:
                click.echo(f"  {name:32} {count:,} bytes")
        for batch, p95 in costs.p95_ms.items():
            click.echo(f"  {f'p95 of {batch} records':32} {p95:.6g} ms")
