from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from sqlite3 import connect
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError

from ml_platform.data.snapshots import SnapshotStore
from ml_platform.data.sources.source import SOURCES
from ml_platform.testing.sources import check_source, check_unreadable_source

ROWS = pd.DataFrame({"class": [1, 2], "航班": ["上海", "b"]})


def as_table(folder: Path) -> None:
    with closing(connect(folder / "a.db")) as database:
        ROWS.to_sql("rows", database, index=False)


def as_function(folder: Path) -> None:
    code = (
        f"import pandas as pd\n\n\ndef load():\n    return pd.DataFrame({ROWS.to_dict('list')})\n"
    )
    (folder / "source.py").write_text(code, "utf-8")


PLACES: dict[str, tuple[Callable[[Path], object], dict[str, Any]]] = {
    "csv": (lambda folder: ROWS.to_csv(folder / "a.csv", index=False), {"path": "a.csv"}),
    "delta": (lambda folder: SnapshotStore(str(folder)).write("t", ROWS), {"path": "t"}),
    "parquet": (lambda folder: ROWS.to_parquet(folder / "a.parquet"), {"path": "a.parquet"}),
    "python": (as_function, {"function": "source:load"}),
    "sql": (as_table, {"url": "sqlite:///a.db", "query": "select * from rows"}),
}
"""How to put the rows where each source finds them, and its declaration."""


@pytest.mark.parametrize("name", SOURCES.names())
def test_every_source_keeps_the_contract_and_gives_the_same_rows(name: str, tmp_path: Path):
    put, declared = PLACES[name]
    put(tmp_path)
    frame = check_source(SOURCES.parse({"type": name, **declared}), folder=tmp_path)
    pd.testing.assert_frame_equal(frame, ROWS)


@pytest.mark.parametrize("name", sorted(set(SOURCES.names()) - {"python"}))
def test_every_source_says_in_one_sentence_that_nothing_is_there(name: str, tmp_path: Path):
    _, declared = PLACES[name]
    said = check_unreadable_source(SOURCES.parse({"type": name, **declared}), folder=tmp_path)
    assert str(tmp_path) in said


@pytest.mark.parametrize("cls", SOURCES.usable().values(), ids=lambda cls: cls.__name__)
def test_every_source_refuses_a_field_that_it_does_not_know(cls: type):
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        cls(no_such_field=1)
