"""`ml-platform benchmark`: show the frozen benchmarks of a model, or freeze one again."""

import json
from typing import TYPE_CHECKING, Any

import click

from ml_platform.cli import said
from ml_platform.cli.declared import declaration_of
from ml_platform.clock import utc_now
from ml_platform.settings import Settings

if TYPE_CHECKING:
    from ml_platform.data.snapshots import Snapshot


@click.command()
@click.argument("name")
@click.option("--freeze", "chosen", help="Freeze this benchmark again, on purpose.")
@click.option("--by", type=said.text, help="Who freezes it; required with --freeze.")
@click.option("--reason", type=said.text, help="Why; required with --freeze.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def benchmark(
    name: str, chosen: str | None, by: str | None, reason: str | None, as_json: bool
) -> None:
    """Show the frozen benchmarks of a model, or freeze one again.

    The rows come from the holdout of the latest validated data. The earlier snapshot stays; later
    versions are judged by the new one.
    """
    settings = Settings.from_environment()
    declaration = declaration_of(settings, name)
    if chosen is not None and not (by and reason):
        raise click.UsageError("--freeze needs --by and --reason")
    from ml_platform.component.platform import Platform
    from ml_platform.component.steps.freeze import freeze_again, shown

    platform = Platform(settings)
    if chosen is not None:
        freeze_again(declaration, platform, chosen, by=by or "", reason=reason or "", now=utc_now())
    found = shown(declaration, platform)
    if as_json:
        click.echo(json.dumps({name: _document(each) for name, each in found.items()}))
        return
    for each, snapshot in found.items():
        click.echo(_line(each, snapshot))
    if not found:
        click.echo("no benchmark is declared; see evaluation.benchmarks")


def _document(snapshot: "Snapshot | None") -> dict[str, Any] | None:
    return None if snapshot is None else snapshot.model_dump(mode="json")


def _line(name: str, snapshot: "Snapshot | None") -> str:
    if snapshot is None:
        return f"{name}: not frozen yet; the next training does, where rows satisfy it"
    how = snapshot.metadata
    return (
        f"{name}: {snapshot.table}@{snapshot.version}, {snapshot.rows:,} rows of {how['data']} "
        f"where {how['where']}; by {how['by']} at {how['at'][:16]}: {how['reason']}; "
        f"hash {snapshot.content_hash[:16]}"
    )
