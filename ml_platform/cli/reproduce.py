"""`ml-platform reproduce`: rebuild a registered version and compare it bit for bit."""

import json
from typing import TYPE_CHECKING

import click

from ml_platform.cli.exit_codes import ExitCode
from ml_platform.cli.main import CommandError
from ml_platform.settings import Settings

if TYPE_CHECKING:
    from ml_platform.component.reproduce import Reproduction


@click.command()
@click.argument("name")
@click.argument("version", type=click.IntRange(min=1))
@click.option("--json", "as_json", is_flag=True, help="The comparison as JSON on stdout.")
@click.pass_context
def reproduce(ctx: click.Context, name: str, version: int, as_json: bool) -> None:
    """Rebuild a registered version from its certificate and compare it bit for bit.

    The rows come from the snapshot that the certificate names by its hash, the settings from the
    declaration kept with the version. Exit code 3 when a file differs.
    """
    from ml_platform.component.platform import Platform
    from ml_platform.component.reproduce import reproduce as rebuild

    found = rebuild(Platform(Settings.from_environment()), name, version)
    if as_json:
        click.echo(json.dumps({**found.model_dump(mode="json"), "equal": found.equal}, indent=2))
        ctx.exit(ExitCode.OK if found.equal else ExitCode.BLOCKED)
    if not found.equal:
        raise CommandError("\n".join(_differences(found)), ExitCode.BLOCKED)
    click.echo(f"{_told(found)}: all {len(found.files)} files are equal, bit for bit")


def _told(found: "Reproduction") -> str:
    return (
        f"{found.model}:{found.version} rebuilt from {found.snapshot} "
        f"({found.rows:,} training rows)"
    )


def _differences(found: "Reproduction") -> list[str]:
    lines = [f"{_told(found)}: other bits in {', '.join(found.differing)}"]
    lines += [f"another version: {text}" for text in found.changed]
    if not found.changed:
        lines.append("the libraries are those of then: look at the code and at the hardware")
    return lines
