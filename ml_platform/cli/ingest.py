"""`ml-platform ingest`: move what services logged into the inference tables, now."""

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import click

from ml_platform.cli.declared import declaration_files
from ml_platform.clock import utc_now
from ml_platform.settings import Settings

if TYPE_CHECKING:
    from ml_platform.component.steps.ingest_journal import IngestOutcome


@click.command()
@click.argument("names", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of lines.")
def ingest(names: tuple[str, ...], as_json: bool) -> None:
    """Move what services logged into the inference tables, now.

    Closed segments, and the whole records of open ones; of the models named, of all when none is.
    """
    from ml_platform.component.instance import open_instance
    from ml_platform.component.platform import Platform
    from ml_platform.component.production import ingest_now
    from ml_platform.spec.load import load_declaration

    settings = Settings.from_environment()
    platform, now = Platform(settings), utc_now()
    documents: list[dict[str, Any]] = []
    with open_instance(settings) as instance:
        for file in declaration_files(settings, names):
            outcome = ingest_now(load_declaration(file), platform, instance=instance, now=now)
            documents.append(_document(outcome))
            if not as_json:
                for line in _lines(outcome, where=str(settings.damaged / outcome.model)):
                    click.echo(line)
    if as_json:
        click.echo(json.dumps(documents, indent=2, default=str))


def _document(outcome: "IngestOutcome") -> dict[str, Any]:
    counts = [
        {"version": version, "role": role, "rows": rows}
        for (version, role), rows in sorted(outcome.counts.items())
    ]
    plain = {field.name: getattr(outcome, field.name) for field in dataclasses.fields(outcome)}
    return {**plain, "counts": counts}


def _lines(outcome: "IngestOutcome", *, where: str) -> list[str]:
    moved = f"{outcome.rows:,} predictions, {outcome.labels:,} labels"
    seconds = f"{outcome.seconds:.1f} s"
    lines = [f"{outcome.model}: {moved}, {outcome.segments} segments done, {seconds}"]
    lines += [
        f"  v{version} {role}: {rows:,}" for (version, role), rows in sorted(outcome.counts.items())
    ]
    if outcome.duplicates:
        lines.append(f"  {outcome.duplicates:,} were there already")
    if outcome.forgotten:
        lines.append(f"  days over their retention forgotten: {outcome.forgotten:,}")
    if outcome.torn_bytes or outcome.damaged_bytes:
        lost = f"{outcome.torn_bytes:,} bytes torn, {outcome.damaged_bytes:,} bytes damaged"
        lines.append(f"  {lost}; set aside in {where}")
    if outcome.unreadable or outcome.unfit:
        odd = (
            f"{outcome.unreadable:,} unreadable, {outcome.unfit:,} with a feature that does not fit"
        )
        lines.append(f"  {odd}; set aside in {where}")
    return lines
