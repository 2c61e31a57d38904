"""Rows of a query."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

import pandas as pd
from pydantic import Field

from ml_platform.addresses import without_secrets
from ml_platform.data.sources.location import locate, require_rows
from ml_platform.data.sources.source import SOURCES, Source
from ml_platform.exceptions import SourceError

if TYPE_CHECKING:
    from sqlalchemy import URL


@SOURCES.register
class SqlSource(Source):
    """A query against any database that SQLAlchemy speaks to.

    url: SQLAlchemy URL; a relative SQLite file lies in the folder of the declaration.
    query: one SELECT; `:name` stands for a parameter.
    params: the values of the parameters.
    """

    type: Literal["sql"] = "sql"
    url: str = Field(repr=False)
    query: str
    params: dict[str, Any] = Field(default={})

    def read(self, *, folder: Path) -> pd.DataFrame:
        """Return all rows of the query. No error shows the password."""
        from sqlalchemy import create_engine, text
        from sqlalchemy.exc import SQLAlchemyError

        url = _in_folder(self._parsed(), folder)
        shown = without_secrets(url.render_as_string(hide_password=True))
        try:
            engine = create_engine(url)
        except (SQLAlchemyError, ImportError) as error:
            raise SourceError(f"cannot connect to {shown}: {_cause(error, url)}") from error
        try:
            with engine.connect() as connection:
                frame = pd.read_sql_query(text(self.query), connection, params=self.params)
        except (SQLAlchemyError, pd.errors.DatabaseError) as error:
            raise SourceError(f"the query of {shown} failed: {_cause(error, url)}") from error
        finally:
            engine.dispose()
        return require_rows(frame, what=f"the query of {shown}")

    def fingerprint(self) -> str:
        """The declaration with the password hidden and without the URL's query part."""
        url = self._parsed().set(query={}).render_as_string(hide_password=True)
        return self.model_copy(update={"url": url}).model_dump_json()

    def _parsed(self) -> "URL":
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError

        try:
            return make_url(self.url)
        except ArgumentError as error:
            raise SourceError(
                "the url of the sql source is not an SQLAlchemy URL such as "
                "postgresql+psycopg2://user:password@host/database"
            ) from error


def _in_folder(url: "URL", folder: Path) -> "URL":
    """Give SQLite an existing file: it would make an empty database of a missing one."""
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return url
    return url.set(database=locate(str(url.database), folder=folder))


def _cause(error: BaseException, url: "URL") -> str:
    """Return what the driver said, in one line, without the password, wherever it stands."""
    said = str(getattr(error, "orig", None) or error)
    line = " ".join(said.split())[:300]
    for secret in {str(url.password), quote(str(url.password))} if url.password else ():
        line = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "***", line)
    return line
