from pathlib import Path

import pandas as pd
import pytest

from ml_platform.data.sources.csv import CsvSource
from ml_platform.testing.sources import check_source, check_unreadable_source


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pd.DataFrame({"class": [1, 2], "航班": ["上海", "b"]}).to_csv(tmp_path / "a.csv", index=False)
    return tmp_path


def test_rows_of_a_relative_path_lie_in_the_folder(folder: Path):
    frame = check_source(CsvSource(path="a.csv"), folder=folder)
    assert frame.to_dict("list") == {"class": [1, 2], "航班": ["上海", "b"]}


def test_absolute_path_file_url_and_fsspec_url_are_read(folder: Path):
    import fsspec

    here = str(folder / "a.csv")
    with fsspec.open("memory://a.csv", "wb") as file:
        file.write((folder / "a.csv").read_bytes())
    for path in (here, f"file://{here}", "memory://a.csv"):
        assert len(CsvSource(path=path).read(folder=Path("/"))) == 2


def test_options_reach_pandas(folder: Path):
    (folder / "b.csv").write_bytes("a;b\n1,5;é\n".encode("latin-1"))
    options = {"sep": ";", "decimal": ",", "encoding": "latin-1"}
    frame = check_source(CsvSource(path="b.csv", options=options), folder=folder)
    assert frame.to_dict("list") == {"a": [1.5], "b": ["é"]}
    assert len(CsvSource(path="a.csv", options={"engine": "pyarrow"}).read(folder=folder)) == 2


def test_fingerprint_hides_the_keys_of_the_store():
    options = {"sep": ";", "storage_options": {"secret": "hunter2"}}
    assert "hunter2" not in CsvSource(path="s3://a/b.csv", options=options).fingerprint()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"a,b\n", "has no rows (it has the columns: a, b)"),
        ("a\né\n".encode("latin-1"), "is not text in utf-8; name its encoding"),
        (b"a,b\n1,2,3,4\n1\n1,2,3,4,5\n", "cannot read"),
        (b"\0\1\2", "cannot read"),
    ],
)
def test_file_that_cannot_be_read_is_one_sentence(tmp_path: Path, content: bytes, words: str):
    (tmp_path / "bad.csv").write_bytes(content)
    options = {"engine": "python"} if content.startswith(b"\0") else {}
    if content.startswith(b"\0"):
        options["encoding"] = "utf-16"
    assert words in check_unreadable_source(
        CsvSource(path="bad.csv", options=options), folder=tmp_path
    )


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("b.csv", "there is no file"),
        ("b.csv", "did you mean 'a.csv'?"),
        ("no/such/a.csv", "nor a folder"),
        (".", "Is a directory"),
        ("nope://a.csv", "Protocol not known: nope"),
        ("memory://missing.csv", "cannot read memory://missing.csv"),
    ],
)
def test_place_that_is_not_there_is_one_sentence(folder: Path, path: str, words: str):
    assert words in check_unreadable_source(CsvSource(path=path), folder=folder)


def test_unknown_option_is_named(folder: Path):
    source = CsvSource(path="a.csv", options={"separator": ";"})
    assert "separator" in check_unreadable_source(source, folder=folder)


def test_damaged_archive_is_one_sentence(tmp_path: Path):
    (tmp_path / "a.csv.gz").write_bytes(b"no gzip")
    assert "cannot read" in check_unreadable_source(CsvSource(path="a.csv.gz"), folder=tmp_path)
