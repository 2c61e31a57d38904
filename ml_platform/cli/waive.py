"""`ml-platform waive`: answer for one failed gate of one version, for a while."""

from datetime import UTC, datetime

import click

from ml_platform.cli import said
from ml_platform.cli.declared import declaration_of
from ml_platform.clock import utc_now
from ml_platform.settings import Settings


@click.command()
@click.argument("name")
@click.argument("gate")
@click.option(
    "--version", type=click.IntRange(min=1), required=True, help="The model version that it is for."
)
@click.option("--by", type=said.text, required=True, help="Who answers for it.")
@click.option("--reason", type=said.text, required=True, help="Why, for those who read it later.")
@click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"]),
    required=True,
    help="From then on it is void; UTC.",
)
def waive(name: str, gate: str, version: int, by: str, reason: str, until: datetime) -> None:
    """Let a version pass a gate that failed, with a name, a reason and an end.

    The waiver stands in the certificate. Afterwards materialize deployed_bento, or train again.
    """
    from ml_platform.component.platform import Platform
    from ml_platform.component.steps import waive as step
    from ml_platform.registry.waiver import Waiver

    settings = Settings.from_environment()
    declaration = declaration_of(settings, name)
    waiver = Waiver(
        check=gate,
        version=version,
        by=by,
        reason=reason,
        until=until.replace(tzinfo=UTC),
        granted_at=utc_now(),
    )
    step.waive(declaration, Platform(settings), waiver)
    click.echo(f"{declaration.spec.name}:{version}: {gate} is {waiver}")
