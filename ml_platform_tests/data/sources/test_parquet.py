from pathlib import Path

import fsspec
import pandas as pd
import pytest

from ml_platform.data.sources.parquet import ParquetSource
from ml_platform.testing.sources import check_source, check_unreadable_source

FRAME = pd.DataFrame({"class": [1, 2], "航班": ["上海", None]})


def test_file_and_folder_of_files_are_read(tmp_path: Path):
    FRAME.to_parquet(tmp_path / "a.parquet")
    FRAME.to_parquet(tmp_path / "b.parquet")
    pd.testing.assert_frame_equal(
        check_source(ParquetSource(path="a.parquet"), folder=tmp_path), FRAME
    )
    assert len(check_source(ParquetSource(path="."), folder=tmp_path)) == 4


def test_absolute_path_file_url_and_fsspec_url_are_read(tmp_path: Path):
    here = tmp_path / "a.parquet"
    FRAME.to_parquet(here)
    with fsspec.open("memory://rows.parquet", "wb") as file:
        file.write(here.read_bytes())
    for path in (here, f"file://{here}", "memory://rows.parquet"):
        frame = check_source(ParquetSource(path=str(path)), folder=Path("/elsewhere"))
        pd.testing.assert_frame_equal(frame, FRAME)


def test_url_of_nothing_is_one_sentence(tmp_path: Path):
    said = check_unreadable_source(ParquetSource(path="memory://none.parquet"), folder=tmp_path)
    assert "cannot read memory://none.parquet" in said


def test_named_index_is_a_column(tmp_path: Path):
    FRAME.set_index("class").to_parquet(tmp_path / "a.parquet")
    frame = ParquetSource(path="a.parquet").read(folder=tmp_path)
    assert set(frame.columns) == {"class", "航班"}


def test_options_reach_pandas(tmp_path: Path):
    FRAME.to_parquet(tmp_path / "a.parquet")
    source = ParquetSource(path="a.parquet", options={"columns": ["class"]})
    assert list(check_source(source, folder=tmp_path).columns) == ["class"]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"x" * 1000])
def test_file_that_cannot_be_read_is_one_sentence(tmp_path: Path, content: bytes):
    (tmp_path / "a.parquet").write_bytes(content)
    said = check_unreadable_source(ParquetSource(path="a.parquet"), folder=tmp_path)
    assert "cannot read" in said


def test_missing_and_empty_are_one_sentence(tmp_path: Path):
    FRAME.iloc[:0].to_parquet(tmp_path / "a.parquet")
    said = check_unreadable_source(ParquetSource(path="a.parquet"), folder=tmp_path)
    assert "has no rows" in said
    said = check_unreadable_source(ParquetSource(path="b.parquet"), folder=tmp_path)
    assert "did you mean 'a.parquet'?" in said
