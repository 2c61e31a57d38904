"""The embedded MLflow store: one SQLite file at an explicit path, made once and made whole."""

import logging
import os
import sqlite3
import warnings
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any

from ml_platform.addresses import without_secrets
from ml_platform.exceptions import StoreError
from ml_platform.registry import empty_store

_SQLITE = "sqlite:///"
_LOCK_SECONDS = 120
_MODULES = "_MODULES_TO_PACKAGES"


def import_mlflow(name: str = "mlflow") -> Any:
    """Import a module of MLflow (the first takes 3 s) without telemetry, git look-ups, chatter.

    Warnings that MLflow raises about its own code while it is imported are not the user's.
    """
    for variable, value in {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_UV_AUTO_DETECT": "false",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "GIT_PYTHON_REFRESH": "quiet",
    }.items():
        os.environ.setdefault(variable, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = import_module(name)
    for chatty in ("mlflow", "alembic"):
        logger = logging.getLogger(chatty)
        if logger.level < logging.WARNING:
            logger.setLevel(logging.WARNING)
    return module


@contextmanager
def versions_by_name() -> Generator[None]:
    """Let MLflow compare requirements with what is installed by the names of the packages.

    Else it first asks every installed package for its modules, which takes a second, for packages
    whose metadata are nowhere. That map is MLflow's own and private: where it is not, or is there
    already, nothing is changed.
    """
    utilities = import_mlflow("mlflow.utils.requirements_utils")
    unread = getattr(utilities, _MODULES, {}) is None
    if unread:
        setattr(utilities, _MODULES, {})
    try:
        yield
    finally:
        if unread:
            setattr(utilities, _MODULES, None)


def import_sql_store() -> Any:
    """Import MLflow's store for SQL databases and map its tables, with the same quiet."""
    store = import_mlflow("mlflow.store.tracking.sqlalchemy_store")
    from sqlalchemy.orm import configure_mappers

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        configure_mappers()
    return store


def sqlite_file(tracking_uri: str) -> Path | None:
    """The file behind a SQLite tracking URI; None for any other store.

    Raises StoreError for a path that is relative: it would follow the current directory.
    """
    if not tracking_uri.startswith(_SQLITE):
        return None
    file = Path(tracking_uri.removeprefix(_SQLITE))
    if not file.is_absolute():
        raise StoreError(f"{tracking_uri!r} is relative; write sqlite:////absolute/path/mlflow.db")
    return file


def create_once(tracking_uri: str, *, artifacts: str) -> None:
    """Create the SQLite store unless it exists.

    It is made in a file of its own that is then renamed, under a lock: of two processes that start
    at once one creates, and a process killed meanwhile leaves nothing half-made behind.
    """
    file = sqlite_file(tracking_uri)
    if file is None or file.exists():
        return
    from sqlalchemy.exc import SQLAlchemyError

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(file, "create"):
            if not file.exists():
                unfinished = file.with_name(f"{file.name}.new")
                unfinished.unlink(missing_ok=True)
                if not empty_store.create(unfinished, artifacts=artifacts):
                    migrate(unfinished, artifacts)
                unfinished.replace(file)
    except (OSError, sqlite3.Error, SQLAlchemyError) as error:
        raise StoreError(f"cannot create the MLflow store {file}: {error}") from error


def migrate(file: Path, artifacts: str) -> None:
    """Let MLflow create its store, by all its migrations."""
    sql_store = import_sql_store()
    with _silent("mlflow.store.db.utils"):
        store = sql_store.SqlAlchemyStore(f"{_SQLITE}{file}", artifacts)
    store.engine.dispose()


def exclusive(file: Path | None, what: str) -> AbstractContextManager[Any]:
    """Let one process at a time do `what` with the store in `file`; no lock without a file."""
    if file is None:
        return nullcontext()
    from filelock import FileLock

    return FileLock(f"{file}.{what}.lock", timeout=_LOCK_SECONDS)


@contextmanager
def _silent(logger: str) -> Generator[None, None, None]:
    target = logging.getLogger(logger)
    before = target.level
    target.setLevel(logging.ERROR)
    try:
        yield
    finally:
        target.setLevel(before)


@contextmanager
def store_errors(doing: str, address: str) -> Generator[None, None, None]:
    """Turn what MLflow raises into one sentence that says what we were doing, and where."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        first_line = str(error).partition("\n")[0]
        said = without_secrets(f"MLflow at {address} failed to {doing}: {first_line}")
        raise StoreError(said) from error


def with_driver(uri: str) -> str:
    """The address with psycopg2 named: what `postgresql://` alone means depends on SQLAlchemy."""
    prefix = "postgresql://"
    return f"postgresql+psycopg2://{uri.removeprefix(prefix)}" if uri.startswith(prefix) else uri
