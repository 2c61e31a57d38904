import os
from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import pandas as pd
import pytest
from sqlalchemy import make_url

from ml_platform.data.sources.sql import SqlSource
from ml_platform.testing.sources import check_source, check_unreadable_source

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
    text = url.render_as_string(hide_password=False)
    source = SqlSource(url=text, query="select 1")
    said = check_unreadable_source(source, folder=folder)
    for shown in (said, source.fingerprint(), repr(source)):
        assert "hunter" not in shown
    assert "postgresql+psycopg2://user:***@127.0.0.1:9/db" in said


@pytest.mark.skipif(
    not os.environ.get("ML_PLATFORM_TEST_POSTGRES_URL"), reason="needs a Postgres to refuse us"
)
def test_wrong_password_is_one_sentence(folder: Path):
    url = make_url(os.environ["ML_PLATFORM_TEST_POSTGRES_URL"]).set(password=SECRET)
    source = SqlSource(url=url.render_as_string(hide_password=False), query="select 1 as one")
    said = check_unreadable_source(source, folder=folder)
    assert "authentication failed" in said
    assert "hunter" not in said
