"""Label files, as others write them."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from deltalake import write_deltalake

from ml_platform.exceptions import SourceError
from ml_platform.feedback import label_files
from ml_platform.feedback.importing import Imported, import_labels
from ml_platform.feedback.label_files import LabelFile, Reading
from ml_platform.feedback.labels_received import labels_table

NOW = datetime(2024, 5, 1, tzinfo=UTC)
HOW = Reading(target="late", key="flight", source="file", received_at=NOW)
CSV = "flight,late,observed_at,source\nf1,1,2024-04-01T10:00:00+02:00,bank\nf2,,,\n"


def taken(tmp_path: Path, path: str, how: Reading = HOW) -> tuple[Imported, pd.DataFrame]:
    file = LabelFile(path, folder=tmp_path)
    done = import_labels(file, how, data_url=str(tmp_path / "data"), model="m")
    return done, labels_table(str(tmp_path / "data"), "m").read().to_pandas()


def test_a_csv_gives_its_labels_as_they_are(tmp_path: Path):
    (tmp_path / "a.csv").write_text(CSV)
    done, rows = taken(tmp_path, "a.csv")
    assert (done.rows, done.added) == (2, 2)
    first, second = rows.sort_values("key").to_dict("records")
    assert (first["key"], first["label"], first["source"]) == ("f1", '"1"', "bank")
    assert first["observed_at"] == pd.Timestamp("2024-04-01T08:00:00Z")
    assert (second["label"], second["source"], second["observed_at"]) == ("null", "file", NOW)
    assert first["prediction_id"] is None


@pytest.mark.parametrize("kind", ["csv.gz", "tsv", "parquet", "delta"])
def test_every_kind_of_file_gives_the_same(tmp_path: Path, kind: str):
    frame = pd.DataFrame({"prediction_id": ["a", "b"], "label": [1, 0]})
    path = tmp_path / f"labels.{kind}"
    if kind == "csv.gz":
        path.write_bytes(gzip.compress(frame.to_csv(index=False).encode()))
    elif kind == "tsv":
        frame.to_csv(path, sep="\t", index=False)
    elif kind == "parquet":
        frame.to_parquet(path)
    else:
        write_deltalake(str(path), frame)
    done, rows = taken(tmp_path, path.name)
    assert done.added == 2
    found = rows.sort_values("prediction_id")
    assert found["prediction_id"].tolist() == ["a", "b"]
    assert found["label"].str.strip('"').tolist() == ["1", "0"]


def test_the_same_content_is_taken_in_once(tmp_path: Path):
    (tmp_path / "a.csv").write_text(CSV)
    (tmp_path / "copy.csv").write_text(CSV)
    assert taken(tmp_path, "a.csv")[0].added == 2
    done, rows = taken(tmp_path, "copy.csv")
    assert (done.rows, done.added, len(rows)) == (2, 0, 2)


def test_who_was_killed_half_way_goes_on_where_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(label_files, "ROWS_AT_ONCE", 10)
    frame = pd.DataFrame({"prediction_id": [f"p{i}" for i in range(35)], "label": [1] * 35})
    frame.to_parquet(tmp_path / "a.parquet")
    table = labels_table(str(tmp_path / "data"), "m")
    file = LabelFile("a.parquet", folder=tmp_path)
    parts = file.labels(HOW)
    stream = f"import:{file.content()}"
    for number in (1, 2):
        assert table.append(next(parts), {stream: number}, looked=table.look())
    done, rows = taken(tmp_path, "a.parquet")
    assert (done.rows, done.added) == (35, 15)
    assert sorted(rows["prediction_id"]) == sorted(frame["prediction_id"])


def test_an_id_may_be_hidden(tmp_path: Path):
    (tmp_path / "a.csv").write_text("flight,late\nf1,1\n")
    how = Reading("late", "flight", "file", NOW, hide=lambda key: f"<{key}>")
    assert taken(tmp_path, "a.csv", how)[1]["key"].tolist() == ["<f1>"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "a.csv",
            "who,late\n1,1\n",
            "needed are label or late, and prediction_id or flight or key",
        ),
        ("a.csv", "flight,late\n", "has no rows"),
        ("a.csv", "flight,late,observed_at\nf,1,noon\n", "row 1: observed_at is 'noon'"),
        ("a.xlsx", "", "is no label file"),
        ("a.parquet", "no parquet", "cannot read"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, name: str, text: str, said: str):
    (tmp_path / name).write_text(text)
    with pytest.raises(SourceError, match=said):
        taken(tmp_path, name)
