"""`ml-platform certificate`: what a version was judged by, and whether that holds now."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from ml_platform.cli.declared import declaration_of
from ml_platform.clock import utc_now
from ml_platform.exceptions import ModelError
from ml_platform.settings import Settings

if TYPE_CHECKING:
    from ml_platform.component.platform import Platform
    from ml_platform.gates.result import GateRecord
    from ml_platform.registry.certificate import Certificate


@click.command()
@click.argument("name")
@click.argument("version", type=int, required=False)
@click.option("--json", "as_json", is_flag=True, help="The document itself.")
def certificate(name: str, version: int | None, as_json: bool) -> None:
    """Print the release certificate of a version, by default of the latest.

    Below it stands what the gates on the running service said when the version was released.
    Exit code 3 when it does not hold for the declaration in force, with the reason.
    """
    from ml_platform.component.platform import Platform
    from ml_platform.component.steps.certify import certificate_of, verified_certificate
    from ml_platform.component.steps.service_verdicts import service_verdicts

    settings = Settings.from_environment()
    declaration, platform = declaration_of(settings, name), Platform(settings)
    model, now = declaration.spec.name, utc_now()
    version = version or _latest(platform, model)
    found = certificate_of(platform, model, version)
    service = service_verdicts(platform, model, version)
    click.echo(found.text if as_json else _page(found, service, now=now))
    verified_certificate(declaration, platform, version, now=now)


def _latest(platform: "Platform", model: str) -> int:
    versions = platform.registry.versions(model)
    if not versions:
        raise ModelError(f"{model} has no version yet; train it first")
    return versions[0].version


def _page(found: "Certificate", service: Sequence["GateRecord"], *, now: datetime) -> str:
    facts = found.facts
    wide = max(map(len, (*facts, *found.metrics)))
    lines = [f"{key:{wide}}  {value}" for key, value in facts.items()]
    lines += ["", "on the holdout:"]
    lines += [f"{key:{wide}}  {_number(value)}" for key, value in found.metrics.items()]
    lines += ["", *(_verdict(record) for record in found.records)]
    lines += [f"{waiver.check} is {told}" for waiver, told in found.told_waivers(now=now)]
    if service:
        lines += ["", "on the running service, when it was released:", *map(_verdict, service)]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "not measurable" if value is None else f"{value:.6g}"


def _verdict(record: "GateRecord") -> str:
    result = record.result
    stops = " (blocks)" if record.blocks else ""
    return f"{result.verdict:12} {record.check}{stops}: {result.reason}"
