"""`ml-platform check`: tell what is wrong with the declared models."""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ml_platform.cli.declared import declaration_files
from ml_platform.cli.exit_codes import ExitCode
from ml_platform.exceptions import MLPlatformError
from ml_platform.settings import Settings
from ml_platform.spec.load import Declaration, load_declaration
from ml_platform.spec.source_map import Path as Place
from ml_platform.spec.usable import located, unusable

ALERT_URLS = "ML_PLATFORM_ALERT_URLS"


@click.command()
@click.argument("names", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of lines.")
@click.pass_context
def check(ctx: click.Context, names: tuple[str, ...], as_json: bool) -> None:
    """Check the declared models without starting anything.

    Reads every declaration, or those of NAMES, resolves the functions that they name, asks each
    trainer whether it can train for the task and reads the addresses of `alerts`, and those of
    ML_PLATFORM_ALERT_URLS, as apprise does. Each problem is one line, `file:line: field: what was
    found; what would be valid`. Exit code 2 when there is any.
    """
    settings = Settings.from_environment()
    problems = find_problems(declaration_files(settings, names))
    unreadable = _wrong_platform_addresses(settings)
    if as_json:
        document: list[dict[str, Any]] = [
            {"file": str(file), "ok": not found, "problems": found}
            for file, found in problems.items()
        ]
        if unreadable:
            document.append({"variable": ALERT_URLS, "ok": False, "problems": unreadable})
        click.echo(json.dumps(document, indent=2))
    else:
        for line in unreadable:
            click.echo(f"error  {line}", err=True)
        _tell(problems)
    if unreadable or any(problems.values()):
        ctx.exit(ExitCode.USAGE)


def find_problems(files: list[Path]) -> dict[Path, list[str]]:
    """Return the problems of each declaration, none for a sound one."""
    problems: dict[Path, list[str]] = {}
    by_name: dict[str, list[Path]] = defaultdict(list)
    for file in files:
        try:
            declaration = load_declaration(file)
        except MLPlatformError as error:
            problems[file] = str(error).splitlines()
        else:
            by_name[declaration.spec.name].append(file)
            problems[file] = [
                *unusable(declaration),
                *located(declaration, _wrong_addresses(declaration)),
            ]
    for name, claimants in by_name.items():
        for file in claimants[1:]:
            text = f"{file}:1: name: {name!r} is taken by {claimants[0]}; names are unique"
            problems[file].append(text)
    return problems


def _wrong_platform_addresses(settings: Settings) -> list[str]:
    """A problem for each address of the platform's own incidents, as for those of `alerts`."""
    from ml_platform.monitoring.delivery import why_unreadable

    found = [(i, why_unreadable(url)) for i, url in enumerate(settings.alert_urls)]
    return [f"{ALERT_URLS}[{i}]: {why}" for i, why in found if why is not None]


def _wrong_addresses(declaration: Declaration) -> Iterator[tuple[Place, str]]:
    """A problem for each address of `alerts` that nothing could be sent to, without its secrets."""
    from ml_platform.monitoring.delivery import why_unreadable

    alerts = declaration.spec.alerts
    for field, urls in (("urls", alerts.urls), ("escalate_to", alerts.escalate_to)):
        for i, url in enumerate(urls):
            why = why_unreadable(url)
            if why is not None:
                yield ("alerts", field, i), why


def _tell(problems: dict[Path, list[str]]) -> None:
    for file, found in problems.items():
        if not found:
            click.echo(f"ok     {file.parent.name}  {file}")
        for line in found:
            click.echo(f"error  {file.parent.name}  {line}", err=True)
    broken = sum(1 for found in problems.values() if found)
    if not problems:
        click.echo("no models declared; `ml-platform init NAME --data FILE --target COL` makes one")
    elif broken:
        click.echo(f"{broken} of {len(problems)} models are broken", err=True)
    else:
        count = len(problems)
        click.echo("1 model is sound" if count == 1 else f"{count} models are sound")
