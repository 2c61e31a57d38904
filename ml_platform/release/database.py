"""A connection to SQLite or Postgres that waits for locks and fails in one sentence."""

import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from ml_platform.addresses import without_secrets
from ml_platform.exceptions import StoreError

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

WRITES = "ml_platform_writes"  # execution option: the transaction is going to write

_BUSY_SECONDS = 20
_CONNECT_SECONDS = 5
_SILENT_SECONDS = 10
"""After which the kernel gives up a connection whose other end takes no packet any more; by itself
it tries for a quarter of an hour, and whoever asked the store waits."""
_POSTGRES_LOCK = 7_102_417_731  # any number, the same for all who create the tables
_VALID = "sqlite:////absolute/path/release.db, postgresql://user:password@host/database"


Column = tuple[str, str, str]
"""Table, name and type."""


class Database:
    """A store's tables behind a SQLAlchemy URL; they are made when first needed.

    create, added: as in `open_engine`.
    """

    def __init__(self, url: str, *, create: Sequence[str], added: Sequence[Column] = ()) -> None:
        self.url = url
        self._create, self._added = create, added

    @contextmanager
    def connection(
        self, doing: str, *, writes: bool = False
    ) -> "Generator[Connection, None, None]":
        """Give a connection in a transaction. doing: for errors, such as "read"."""
        with store_errors(doing, self.url), self._engine.connect() as connection:
            connection.execution_options(**{WRITES: writes})
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Give the connections back; new ones are opened when it is used again."""
        self._engine.dispose()

    @cached_property
    def _engine(self) -> "Engine":
        return open_engine(self.url, create=self._create, added=self._added)


def open_engine(url: str, *, create: Sequence[str], added: Sequence[Column] = ()) -> "Engine":
    """Return an engine for SQLite (write-ahead log, waits for locks) or Postgres.

    create: `CREATE TABLE IF NOT EXISTS ...`, run once, safely when two processes start at once.
    added: columns that tables may lack which an earlier version created.
    Raises StoreError for another kind of URL.
    """
    from sqlalchemy import make_url, text
    from sqlalchemy.exc import ArgumentError

    try:
        address = make_url(url)
    except ArgumentError as error:
        raise StoreError(f"the URL is no address of a store (valid: {_VALID})") from error
    if address.get_backend_name() == "postgresql":
        engine = _postgres(address)
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _POSTGRES_LOCK})
            _make_tables(connection, create, added)
        return engine
    engine = _sqlite(address)
    # Two processes that switch to the write-ahead log at once would fail, not wait.
    with FileLock(f"{address.database}.create.lock", timeout=_BUSY_SECONDS):
        raw = engine.raw_connection()
        try:
            raw.cursor().execute("PRAGMA journal_mode = WAL")
        finally:
            raw.close()
        with engine.begin() as connection:
            _make_tables(connection, create, added)
    return engine


def _make_tables(connection: "Connection", create: Sequence[str], added: Sequence[Column]) -> None:
    from sqlalchemy import inspect

    for statement in create:
        connection.exec_driver_sql(statement)
    tables = inspect(connection)
    for table, name, kind in added:
        if name not in {column["name"] for column in tables.get_columns(table)}:
            connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")


def _postgres(address: "URL") -> "Engine":
    from sqlalchemy import create_engine

    return create_engine(
        address.set(drivername="postgresql+psycopg2"),
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": _CONNECT_SECONDS,
            "tcp_user_timeout": _SILENT_SECONDS * 1000,  # what was sent and is not acknowledged
            "keepalives_idle": _SILENT_SECONDS // 2,  # while an answer is waited for
            "keepalives_interval": 1,
            "keepalives_count": _SILENT_SECONDS // 2,
        },
    )


def _sqlite(address: "URL") -> "Engine":
    from sqlalchemy import create_engine, event
    from sqlalchemy.pool import NullPool

    file = Path(address.database or "")
    if address.get_backend_name() != "sqlite" or not file.is_absolute():
        shown = without_secrets(address.render_as_string(hide_password=True))
        raise StoreError(f"{shown!r} is no address of a store (valid: {_VALID})")
    file.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(address, poolclass=NullPool, connect_args={"timeout": _BUSY_SECONDS})
    event.listen(engine, "connect", _leave_transactions_to_us)
    event.listen(engine, "begin", _begin)
    return engine


def _leave_transactions_to_us(connection: Any, _record: object) -> None:
    connection.isolation_level = None


def _begin(connection: "Connection") -> None:
    # A reader that becomes a writer fails at once when another wrote meanwhile: lock first.
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def store_errors(doing: str, url: str) -> Generator[None, None, None]:
    """Turn what the database raises into one sentence, without the password of the URL."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError, ModuleNotFoundError) as error:
        cause = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
        hint = "; install ml_platform[postgres]" if isinstance(error, ModuleNotFoundError) else ""
        shown = make_url(url).render_as_string(hide_password=True)
        said = without_secrets(f"cannot {doing} the release store {shown}: {cause}{hint}")
        raise StoreError(said) from error
