"""What `approve`, `reject`, `hold`, `resume` and `promote` have in common."""

from collections.abc import Callable
from typing import Any

import click

from ml_platform.cli import said
from ml_platform.clock import utc_now
from ml_platform.settings import Settings


def release_command(name: str, text: str) -> click.Command:
    """Return the command that orders `name` about the candidate of a model."""

    @click.command(name, help=text)
    @click.argument("model", metavar="NAME")
    @by_and_reason
    def command(model: str, by: str, reason: str) -> None:
        from ml_platform.release.commands import order, told
        from ml_platform.release.store import SqlReleaseStore

        settings = Settings.from_environment()
        store = SqlReleaseStore(settings.release_url)
        state = order(store, model, name, by=by, reason=reason, now=utc_now())
        click.echo(f"{model}: {told(state)}")
        if name in ("approve", "reject", "promote"):
            show_aliases(settings, state)

    return command


def by_and_reason(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that every order about a release needs."""
    command = click.option(
        "--reason", type=said.text, required=True, help="Why, for those who read it later."
    )(command)
    return click.option("--by", type=said.text, required=True, help="Who orders it.")(command)


def show_aliases(settings: Settings, state: Any) -> None:
    """Mirror the state in the registry; where that fails, the releases sensor does it."""
    from ml_platform.exceptions import MLPlatformError
    from ml_platform.registry.registry import ModelRegistry
    from ml_platform.release.commands import mirror

    try:
        registry = ModelRegistry(tracking_uri=settings.mlflow_url, artifacts=settings.artifacts_url)
        mirror(registry, state)
    except MLPlatformError as error:
        click.echo(f"the aliases in MLflow follow later: {error}", err=True)
