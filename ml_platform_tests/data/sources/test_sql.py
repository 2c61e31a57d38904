from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import pandas as pd
import pytest
from sqlalchemy import URL, create_engine, make_url, text

from ml_platform.data.sources.sql import SqlSource
from ml_platform.testing.sources import check_source, check_unreadable_source
from ml_platform_tests.postgres import NOT_INSTALLED, postgres_programs, throw_away_postgres

SECRET = "hunter 2%"
QUERY = "select * from flights where id > :least order by id"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with closing(connect(tmp_path / "a.db")) as database:
        pd.DataFrame({"id": [1, 2, 3], "航班": ["a", "b", None]}).to_sql(
            "flights", database, index=False
        )
    return tmp_path


def test_rows_of_a_query_with_parameters(folder: Path):
    source = SqlSource(url="sqlite:///a.db", query=QUERY, params={"least": 1})
    assert check_source(source, folder=folder)["id"].tolist() == [2, 3]


@pytest.mark.parametrize(
    ("url", "query", "words"),
    [
        ("sqlite:///b.db", "select 1", "there is no file"),
        ("sqlite:///a.db", "select * from planes", "no such table: planes"),
        ("sqlite:///a.db", "selec", "syntax error"),
        ("sqlite:///a.db", "select * from flights where id > 9", "has no rows"),
        ("sqlite:///a.db", "delete from flights", "failed"),
        ("nonsense", "select 1", "is not an SQLAlchemy URL"),
        ("nope://user@host/db", "select 1", "cannot connect to nope://user@host/db"),
    ],
)
def test_query_that_cannot_be_answered_is_one_sentence(
    folder: Path, url: str, query: str, words: str
):
    assert words in check_unreadable_source(SqlSource(url=url, query=query), folder=folder)


def test_missing_database_is_not_made(folder: Path):
    check_unreadable_source(SqlSource(url="sqlite:///b.db", query="select 1"), folder=folder)
    assert not (folder / "b.db").exists()


def test_file_that_is_no_database_is_one_sentence(folder: Path):
    (folder / "b.db").write_text("x" * 5000)
    said = check_unreadable_source(
        SqlSource(url="sqlite:///b.db", query=QUERY, params={"least": 1}), folder=folder
    )
    assert "file is not a database" in said


def test_password_shows_nowhere(folder: Path):
    url = make_url("postgresql+psycopg2://user@127.0.0.1:9/db").set(password=SECRET)
    source = SqlSource(url=url.render_as_string(hide_password=False), query="select 1")
    said = check_unreadable_source(source, folder=folder)
    for shown in (said, source.fingerprint(), repr(source)):
        assert "hunter" not in shown
    assert "postgresql+psycopg2://user:***@127.0.0.1:9/db" in said


@pytest.fixture
def locked_postgres() -> Iterator[URL]:
    """A server that asks for the password `right`."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip(NOT_INSTALLED)
    with throw_away_postgres(programs) as url:
        address = make_url(url).set(drivername="postgresql+psycopg2")
        engine = create_engine(address)
        with engine.connect() as connection:
            connection.execute(text("create role reader login password 'right'"))
            connection.commit()
            file = Path(connection.execute(text("show hba_file")).scalar_one())
            file.write_text("host all all 127.0.0.1/32 scram-sha-256\n")
            connection.execute(text("select pg_reload_conf()"))
        engine.dispose()
        yield address.set(username="reader", password="right")


def test_wrong_password_is_one_sentence(locked_postgres: URL, folder: Path):
    def source(password: str) -> SqlSource:
        url = locked_postgres.set(password=password).render_as_string(hide_password=False)
        return SqlSource(url=url, query="select 1 as one")

    assert check_source(source("right"), folder=folder)["one"].tolist() == [1]
    said = check_unreadable_source(source(SECRET), folder=folder)
    assert 'password authentication failed for user "reader"' in said
    assert "hunter" not in said
