"""Dagster's instance under the platform's home."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import dagster as dg

from ml_platform.exceptions import StoreError
from ml_platform.settings import Settings


def prepare_dagster_home(settings: Settings) -> Path:
    """Return DAGSTER_HOME, made with the platform's dagster.yaml where it has none.

    A DAGSTER_HOME of the environment is used as it is. Raises StoreError when it cannot be made.
    """
    home = Path(os.environ.get("DAGSTER_HOME") or settings.dagster_home)
    file = home / "dagster.yaml"
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            shipped = files("ml_platform.component").joinpath("dagster.yaml").read_text("utf-8")
            unfinished = home / f".dagster.yaml.{os.getpid()}"
            unfinished.write_text(shipped, encoding="utf-8")
            unfinished.replace(file)
    except OSError as error:
        raise StoreError(f"cannot use {home} as DAGSTER_HOME: {error}") from error
    return home


@contextmanager
def open_instance(settings: Settings) -> Generator[dg.DagsterInstance]:
    """The instance whose history the UI and the daemon share."""
    from filelock import FileLock

    home = prepare_dagster_home(settings)
    with FileLock(home / ".opening.lock"):  # two first starts would both create the tables
        instance = dg.DagsterInstance.from_config(str(home))
    with instance:
        yield instance
