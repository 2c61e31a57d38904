from pathlib import Path

import pandas as pd
import pytest

from ml_platform.data.snapshots import SnapshotStore
from ml_platform.data.sources.delta import DeltaSource
from ml_platform.testing.sources import check_source, check_unreadable_source


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store = SnapshotStore(str(tmp_path))
    store.write("t", pd.DataFrame({"a": [1]}))
    store.write("t", pd.DataFrame({"a": [1, 2]}))
    return tmp_path


def test_newest_version_is_read_unless_another_is_named(folder: Path):
    assert len(check_source(DeltaSource(path="t"), folder=folder)) == 2
    assert len(check_source(DeltaSource(path="t", version=0), folder=folder)) == 1
    assert len(check_source(DeltaSource(path=f"file://{folder}/t"), folder=folder)) == 2


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (DeltaSource(path="u"), "there is no file"),
        (DeltaSource(path="."), "is not a Delta table"),
        (DeltaSource(path="t", version=7), "has no version 7 (newest: 1)"),
        (DeltaSource(path="nope://t"), "is not a Delta table"),
    ],
)
def test_table_that_cannot_be_read_is_one_sentence(folder: Path, source: DeltaSource, words: str):
    assert words in check_unreadable_source(source, folder=folder)


def test_damaged_table_is_one_sentence(folder: Path):
    for file in (folder / "t").glob("*.parquet"):
        file.write_bytes(b"x")
    assert "cannot read" in check_unreadable_source(DeltaSource(path="t"), folder=folder)


def test_table_without_rows_is_one_sentence(tmp_path: Path):
    SnapshotStore(str(tmp_path)).write("t", pd.DataFrame({"a": [1]}).iloc[:0])
    assert "has no rows" in check_unreadable_source(DeltaSource(path="t"), folder=tmp_path)


def test_fingerprint_hides_the_keys_of_the_store():
    source = DeltaSource(path="s3://a/t", storage_options={"SECRET": "hunter2"})
    assert "hunter2" not in source.fingerprint()
    assert "hunter2" not in repr(source)
