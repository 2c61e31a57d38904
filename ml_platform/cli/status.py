"""`ml-platform status`: every model at a glance."""

import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ml_platform.cli.declared import declaration_files
from ml_platform.cli.release_status import release_lines, releases_under_way, silent_workers
from ml_platform.cli.serve import champions
from ml_platform.clock import utc_now
from ml_platform.exceptions import DeclarationError
from ml_platform.monitoring.heartbeat import last_beat
from ml_platform.settings import Settings

if TYPE_CHECKING:
    from dagster import DagsterInstance

MOST_NAMES = 10
"""Models that one line names."""

HEAD = ("model", "deployed", "latest", "last run", "gates")


@click.command()
@click.argument("names", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of a table.")
def status(names: tuple[str, ...], as_json: bool) -> None:
    """Show every model: last run, version, gate verdicts, what is deployed."""
    settings = Settings.from_environment()
    models = collect(settings, declaration_files(settings, names))
    if as_json:
        click.echo(json.dumps(models, indent=2, default=str))
        return
    _show([_row(model, now=datetime.now(UTC)) for model in models])
    for model in models:
        for verdict in model.get("gates", ()):
            if verdict["state"] in ("failed", "warned"):
                what = f"{model['model']}: {verdict['check']} {verdict['state']}"
                click.echo(f"{what}: {verdict['reason']}")
        for waiver in model.get("waivers", ()):
            what = f"{model['model']}:{waiver['version']}"
            click.echo(f"{what}: {waiver['check']} is {waiver['told']}")
        if model["error"]:
            click.echo(f"{model['model']}: {model['error'].splitlines()[0]}")
        for line in release_lines(model["release"]) if model.get("release") else ():
            click.echo(line if line.startswith(" ") else f"{model['model']}: {line}")
        for worker in model.get("silent_workers", ()):
            click.echo(f"{model['model']}: {worker['told']}")
    for line in _platform_lines(settings, models):
        click.echo(line)


def collect(settings: Settings, files: Sequence[Path]) -> list[dict[str, Any]]:
    """Return what is known of each model, JSON-ready but for dates."""
    from ml_platform.component.instance import open_instance

    deployed, under_way = champions(settings), releases_under_way(settings, now=utc_now())
    with open_instance(settings) as instance:
        models = [_collect_one(settings, file, deployed, instance) for file in files]
    daemon = last_beat(settings.home).told(now=datetime.now(UTC))
    open_now = _open_incidents(settings)
    return [
        {
            **model,
            "release": under_way.get(model["model"]),
            "incidents": [i for i in open_now if i["model"] == model["model"]],
            "daemon": daemon,
        }
        for model in models
    ]


def _open_incidents(settings: Settings) -> list[dict[str, Any]]:
    """Of all models and of the platform, JSON-ready; one query."""
    from ml_platform.monitoring.incident_store import SqlIncidentStore

    found = SqlIncidentStore(settings.release_url).unsettled()
    return [each.model_dump(mode="json") for each in found if each.closed is None]


def _platform_lines(settings: Settings, models: Sequence[dict[str, Any]]) -> Iterator[str]:
    """What is wrong with the platform and the models shown."""
    from ml_platform.cli.incidents import incident_lines
    from ml_platform.monitoring.incidents import PLATFORM, Incident

    daemon = last_beat(settings.home).told(now=datetime.now(UTC))
    if daemon.startswith("dead"):
        yield f"daemon: {daemon}; start it again: ml-platform up"
    yield from _untold_lines([model["model"] for model in models if model.get("untold")])
    names = {PLATFORM, *(model["model"] for model in models)}
    found = [Incident.model_validate(i) for i in _open_incidents(settings) if i["model"] in names]
    if found:
        yield "open incidents:"
        yield from (f"  {line}" for line in incident_lines(found))


def _untold_lines(names: Sequence[str]) -> Iterator[str]:
    from ml_platform.monitoring.recipients import OWNER_URLS

    if names:
        more = len(names) - MOST_NAMES
        named = [*names[:MOST_NAMES], *([f"{more:,} more"] if more > 0 else [])]
        yield (
            f"nothing is sent to the owners of: {', '.join(named)}; name addresses in alerts.urls "
            f"or {OWNER_URLS}, see: ml-platform check"
        )


def _collect_one(
    settings: Settings, file: Path, deployed: dict[str, int], instance: "DagsterInstance"
) -> dict[str, Any]:
    from ml_platform.component.history import last_run, verdicts
    from ml_platform.monitoring.recipients import why_untold
    from ml_platform.monitoring.waivers import certified_of
    from ml_platform.spec.load import load_declaration

    try:
        declaration = load_declaration(file)
    except DeclarationError as error:
        return {"model": file.parent.name, "file": str(file), "error": str(error)}
    spec, name = declaration.spec, declaration.spec.name
    run = last_run(instance, declaration)
    latest = _latest_version(settings, name)
    versions = {version for version in (deployed.get(name), latest) if version is not None}
    certified = None if latest is None else certified_of(settings.reports, name, latest)
    return {
        "model": name,
        "file": str(file),
        "error": "",
        "untold": why_untold(spec.owner, spec.alerts, urls=settings.owner_alert_urls),
        "deployed": deployed.get(name),
        "latest": latest,
        "waivers": [each for v in sorted(versions) for each in _waivers(settings, name, v)],
        "last_run": run and run.model_dump(mode="json"),
        "silent_workers": silent_workers(settings, name, now=utc_now()) if name in deployed else [],
        "gates": [
            verdict.model_dump(mode="json")
            for verdict in verdicts(instance, declaration, certified=certified)
        ],
    }


def _latest_version(settings: Settings, name: str) -> int | None:
    from ml_platform.data.handles import HandleStore

    text = HandleStore(f"{settings.data_url}/handles").read(f"{name}/trained_model/latest.json")
    return None if text is None else int(json.loads(text)["version"])


def _waivers(settings: Settings, name: str, version: int) -> list[dict[str, Any]]:
    """Those of a version's certificate, each with what is to be `told` of it."""
    from ml_platform.monitoring.waivers import certified_of

    certified = certified_of(settings.reports, name, version)
    told = certified.told_waivers(now=utc_now()) if certified else ()
    return [waiver.model_dump(mode="json") | {"told": text} for waiver, text in told]


def _row(model: dict[str, Any], *, now: datetime) -> tuple[str, ...]:
    if model["error"]:
        return (model["model"], "", "", "", "declaration is broken")
    states = [verdict["state"] for verdict in model["gates"]]
    counted = [f"{states.count(s)} {s}" for s in ("passed", "failed", "warned", "pending")]
    return (
        model["model"],
        _version(model["deployed"]),
        _version(model["latest"]),
        _run(model["last_run"], now=now),
        ", ".join(text for text in counted if not text.startswith("0 ")),
    )


def _version(version: int | None) -> str:
    return "-" if version is None else f"v{version}"


def _run(run: dict[str, Any] | None, *, now: datetime) -> str:
    if run is None:
        return "never"
    if run["started"] is None:
        return run["status"]
    return f"{run['status']}, {_ago(now - datetime.fromisoformat(run['started']))}"


def _ago(span: Any) -> str:
    seconds = int(span.total_seconds())
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit} ago"
    return "just now"


def _show(rows: list[tuple[str, ...]]) -> None:
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table

        table = Table(*HEAD)
        for row in rows:
            table.add_row(*row)
        Console().print(table)
        return
    widths = [max(len(row[i]) for row in [HEAD, *rows]) for i in range(len(HEAD))]
    for row in [HEAD, *rows]:
        line = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(line).rstrip())
