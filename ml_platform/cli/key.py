"""`ml-platform key`: API keys of the inference services."""

import os
from pathlib import Path

import click

from ml_platform.settings import Settings


@click.group()
def key() -> None:
    """Make, list and revoke API keys of the inference services.

    The file is $ML_PLATFORM_API_KEYS_FILE, else api_keys under ML_PLATFORM_HOME. It holds only
    hashes; a running service that was started with it reads a change within a second.
    """


@key.command()
@click.argument("name")
def new(name: str) -> None:
    """Make a key for NAME and print it, this once."""
    from ml_platform.serving.http.keys import VARIABLE, new_key

    file = _file()
    made = new_key(file, name)
    click.echo(made)
    click.echo(f"kept as a hash in {file}; this is the only time that the key is shown", err=True)
    if not os.environ.get(VARIABLE):
        click.echo(f"start services with {VARIABLE}={file}", err=True)


@key.command(name="list")
def list_keys() -> None:
    """Print the names of the keys."""
    from ml_platform.serving.http.keys import read

    file = _file()
    for name in read(file) if file.exists() else ():
        click.echo(name)


@key.command()
@click.argument("name")
def revoke(name: str) -> None:
    """Make the key of NAME worthless."""
    from ml_platform.serving.http import keys

    keys.revoke(_file(), name)
    click.echo(f"{name} is revoked; running services know within a second")


def _file() -> Path:
    from ml_platform.serving.http.keys import VARIABLE

    named = os.environ.get(VARIABLE)
    return Path(named) if named else Settings.from_environment().home / "api_keys"
