"""`ml-platform incidents`: what is wrong, and what was."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ml_platform.cli.declared import declaration_files
from ml_platform.cli.table import plain_table
from ml_platform.settings import Settings

if TYPE_CHECKING:
    from ml_platform.monitoring.incidents import Incident

HEAD = ("id", "model", "what", "severity", "since (UTC)", "until", "told", "text")


@click.command()
@click.argument("model", metavar="[NAME]", required=False)
@click.option("--json", "as_json", is_flag=True, help="As JSON, with the evidence.")
def incidents(model: str | None, as_json: bool) -> None:
    """Show every open incident, or the latest 50 of a model, open and over.

    The platform itself goes by the name platform. A model that is not declared and never had one
    is unknown: exit code 2.
    """
    from ml_platform.monitoring.incident_store import SqlIncidentStore
    from ml_platform.monitoring.incidents import PLATFORM

    settings = Settings.from_environment()
    store = SqlIncidentStore(settings.release_url)
    if model is not None:
        found = store.of(model)
        if not found and model != PLATFORM:
            declaration_files(settings, [model])
    else:
        found = [each for each in store.unsettled() if each.closed is None]
    if as_json:
        shown = [each.model_dump(mode="json") for each in found]
        click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
    elif not found:
        click.echo("no incident is open" if model is None else f"{model} never had an incident")
    else:
        for line in plain_table(HEAD, [_row(each) for each in found]):
            click.echo(line)


def incident_lines(found: "Sequence[Incident]") -> list[str]:
    """One line for each incident, for `status`."""
    return [
        f"{i.model}: {what(i)}, {i.severity}, since {i.opened:%Y-%m-%d %H:%M} UTC: {i.text}"
        + (f" (not delivered since {i.undelivered:%H:%M} UTC)" if i.undelivered else "")
        for i in found
    ]


def what(incident: "Incident") -> str:
    """Kind and subject as people read them."""
    of = f" ({incident.subject})" if incident.subject else ""
    return incident.kind.replace("_", " ") + of


def _row(incident: "Incident") -> tuple[str, ...]:
    return (
        incident.id,
        incident.model,
        what(incident),
        incident.severity,
        f"{incident.opened:%Y-%m-%d %H:%M}",
        f"{incident.closed:%Y-%m-%d %H:%M}" if incident.closed else "open",
        _told(incident),
        incident.text,
    )


def _told(incident: "Incident") -> str:
    if incident.undelivered is not None:
        return "fails, tried again"
    return "yes" if incident.told is not None else "no"
