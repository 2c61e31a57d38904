"""`ml-platform alerts`: whether messages about a model would arrive."""

import click

from ml_platform.cli.declared import declaration_of
from ml_platform.exceptions import DeclarationError, ServiceUnavailable
from ml_platform.settings import Settings


@click.group()
def alerts() -> None:
    """Try whether messages about a model arrive."""


@alerts.command()
@click.argument("name")
def test(name: str) -> None:
    """Send a test message to each address that is told of NAME, one by one.

    NAME `platform` tries ML_PLATFORM_ALERT_URLS. Exit code 4 when an address does not take it.
    """
    from ml_platform.monitoring.delivery import send_by_apprise, shown
    from ml_platform.monitoring.incidents import PLATFORM
    from ml_platform.monitoring.recipients import OWNER_URLS, model_recipient

    settings = Settings.from_environment()
    if name == PLATFORM:
        urls, where = settings.alert_urls, "ML_PLATFORM_ALERT_URLS is empty"
    else:
        declaration = declaration_of(settings, name)
        spec, defaults = declaration.spec, settings.owner_alert_urls
        told = model_recipient(spec.owner, spec.alerts, urls=defaults).alerts
        urls = (*told.urls, *told.escalate_to)
        where = f"{declaration.file}: alerts.urls: no address is declared, nor in {OWNER_URLS}"
    if not urls:
        raise DeclarationError(f"{where}; valid: addresses as apprise writes them")
    failed: list[str] = []
    for url in urls:
        taken = send_by_apprise([url], f"[TEST] {name}", f"A test message about {name}.")
        click.echo(f"{shown(url)}: {'sent' if taken else 'not taken'}")
        failed += [] if taken else [shown(url)]
    if failed:
        raise ServiceUnavailable(f"{', '.join(failed)} did not take the message")
