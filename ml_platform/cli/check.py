"""`ml-platform check`: tell what is wrong with the declared models."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import chain
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
ANYBODY = "owner@example.com"
"""In the place of the owner, where an address is read that is for the owners of many models."""


@dataclass
class Checked:
    """What is wrong with a declaration, and what somebody may want to know of a sound one."""

    problems: list[str]
    warnings: tuple[str, ...] = ()


@click.command()
@click.argument("names", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of lines.")
@click.pass_context
def check(ctx: click.Context, names: tuple[str, ...], as_json: bool) -> None:
    """Check the declared models without starting anything.

    Reads every declaration, or those of NAMES, resolves the functions that they name, asks each
    trainer whether it can train for the task and reads the addresses of `alerts`, and those of
    ML_PLATFORM_ALERT_URLS and ML_PLATFORM_OWNER_ALERT_URLS, as apprise does. Each problem is one
    line, `file:line: field: what was found; what would be valid`. Exit code 2 when there is any.
    A model to whose owner nothing is sent is a warning.
    """
    settings = Settings.from_environment()
    found = check_all(settings, declaration_files(settings, names))
    unreadable = _wrong_platform_addresses(settings)
    if as_json:
        document: list[dict[str, Any]] = [
            {"file": str(file), "ok": not each.problems, **asdict(each)}
            for file, each in found.items()
        ]
        document += [
            {"variable": variable, "ok": False, "problems": problems}
            for variable, problems in unreadable.items()
        ]
        click.echo(json.dumps(document, indent=2))
    else:
        for line in chain.from_iterable(unreadable.values()):
            click.echo(f"error  {line}", err=True)
        _tell(found)
    if unreadable or any(each.problems for each in found.values()):
        ctx.exit(ExitCode.USAGE)


def check_all(settings: Settings, files: list[Path]) -> dict[Path, Checked]:
    """Check each declaration."""
    found: dict[Path, Checked] = {}
    by_name: dict[str, list[Path]] = defaultdict(list)
    for file in files:
        try:
            declaration = load_declaration(file)
        except MLPlatformError as error:
            found[file] = Checked(str(error).splitlines())
        else:
            by_name[declaration.spec.name].append(file)
            wrong = located(declaration, _wrong_addresses(declaration))
            found[file] = Checked([*unusable(declaration), *wrong], _untold(declaration, settings))
    for name, claimants in by_name.items():
        for file in claimants[1:]:
            text = f"{file}:1: name: {name!r} is taken by {claimants[0]}; names are unique"
            found[file].problems.append(text)
    return found


def _untold(declaration: Declaration, settings: Settings) -> tuple[str, ...]:
    from ml_platform.monitoring.recipients import why_untold

    spec = declaration.spec
    why = why_untold(spec.owner, spec.alerts, urls=settings.owner_alert_urls)
    return () if why is None else tuple(located(declaration, [(("owner",), why)]))


def _wrong_platform_addresses(settings: Settings) -> dict[str, list[str]]:
    """Problems with the addresses in each variable, as with those of `alerts`."""
    from ml_platform.monitoring.delivery import why_unreadable
    from ml_platform.monitoring.recipients import OWNER_URLS, addressed

    variables = {ALERT_URLS: settings.alert_urls, OWNER_URLS: settings.owner_alert_urls}
    found: dict[str, list[str]] = defaultdict(list)
    for variable, urls in variables.items():
        for i, url in enumerate(addressed(urls, ANYBODY)):
            why = why_unreadable(url)
            if why is not None:
                found[variable].append(f"{variable}[{i}]: {why}")
    return found


def _wrong_addresses(declaration: Declaration) -> Iterator[tuple[Place, str]]:
    """A problem for each address of `alerts` that nothing could be sent to, without its secrets."""
    from ml_platform.monitoring.delivery import why_unreadable
    from ml_platform.monitoring.recipients import addressed

    alerts = declaration.spec.alerts
    for field, urls in (("urls", alerts.urls), ("escalate_to", alerts.escalate_to)):
        for i, url in enumerate(addressed(urls, declaration.spec.owner)):
            why = why_unreadable(url)
            if why is not None:
                yield ("alerts", field, i), why


def _tell(found: dict[Path, Checked]) -> None:
    for file, each in found.items():
        if not each.problems:
            click.echo(f"ok     {file.parent.name}  {file}")
        for kind, lines in (("error", each.problems), ("warn ", each.warnings)):
            for line in lines:
                click.echo(f"{kind}  {file.parent.name}  {line}", err=True)
    broken = sum(1 for each in found.values() if each.problems)
    if not found:
        click.echo("no models declared; `ml-platform init NAME --data FILE --target COL` makes one")
    elif broken:
        click.echo(f"{broken} of {len(found)} models are broken", err=True)
    else:
        count = len(found)
        click.echo("1 model is sound" if count == 1 else f"{count} models are sound")
