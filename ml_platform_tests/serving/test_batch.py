import json
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from pyarrow import csv, parquet

from ml_platform.data.contract import Contract
from ml_platform.exceptions import ContractViolation, SourceError, StoreError
from ml_platform.serving import batch, batch_input
from ml_platform.serving.batch import BatchOutcome, score_file
from ml_platform.serving.bundle import Bundle, Identity
from ml_platform.spec.serving import LimitsSpec, ServingSpec
from ml_platform.task import Task
from ml_platform.training.model import Model
from ml_platform.training.scoring_path import ScoringPath
from ml_platform_tests.serving.compiled.models import model as small_model
from ml_platform_tests.serving.compiled.models import rows

CONTRACT = {
    "version": 1,
    "columns": {
        "delay": {"dtype": "float64", "nullable": True},
        "distance": {"dtype": "float64", "max": 5000},
        "seats": {"dtype": "float64"},
        "carrier": {"dtype": "category"},
        "hour": {"dtype": "int64"},
        "remark": {"dtype": "string"},
    },
}


def bundle(task: Task = Task.BINARY) -> Bundle:
    model: Model = small_model(task, '{"type": "xgboost", "rounds": 9}')
    proven = ScoringPath(path="compiled")
    return Bundle(
        identity=Identity(model="flights", version="7", scoring=proven),
        contract=Contract.model_validate(CONTRACT),
        release={},
        serving=ServingSpec(),
        model=model,
    )


@pytest.fixture
def frame() -> pd.DataFrame:
    return rows(seed=3).drop(columns="noise").assign(flight=[f"F{i:03}" for i in range(240)])


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_input, "CHUNK_ROWS", 50)


def written(frame: pd.DataFrame, path: Path) -> Path:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    if path.suffix == ".csv":
        csv.write_csv(table, path)
    elif path.suffix == ".parquet":
        parquet.write_table(table, path)
    else:
        write_deltalake(path, table)
    return path


def read(path: Path) -> pd.DataFrame:
    if path.suffix == ".csv":
        return csv.read_csv(path).to_pandas()
    if path.suffix == ".parquet":
        return parquet.read_table(path).to_pandas()
    found = DeltaTable(path).to_pyarrow_table().to_pandas()  # a table has no order of its own
    return found.sort_values("flight", ignore_index=True)


def scored(source: Path, output: Path, task: Task = Task.BINARY, **options: Any) -> BatchOutcome:
    return score_file(bundle(task), source=source, output=output, **options)


@pytest.mark.parametrize("source", ["in.csv", "in.parquet", "table"])
@pytest.mark.parametrize("output", ["out.csv", "out.parquet", "out"])
def test_every_kind_is_read_and_written_with_the_models_own_scores(
    source: str, output: str, frame: pd.DataFrame, tmp_path: Path
):
    told: list[tuple[int, int | None]] = []

    outcome = scored(
        written(frame, tmp_path / source),
        tmp_path / output,
        progress=lambda done, of: told.append((done, of)),
    )

    found = read(tmp_path / output)
    assert outcome == BatchOutcome(version="7", scored=240)
    assert found["flight"].tolist() == frame["flight"].tolist()
    expected = bundle().model.scores(frame)
    assert np.array_equal(found["probability"], expected)
    assert found["prediction"].tolist() == (expected >= 0.5).astype(int).tolist()
    assert set(found["model_version"].astype(str)) == {"7"}
    assert told[-1][0] == 240
    assert told[-1][1] == (None if source.endswith("csv") else 240)
    assert len(told) >= 1 if source.endswith("csv") else len(told) == 5


def test_classes_each_have_a_probability(frame: pd.DataFrame, tmp_path: Path):
    scored(written(frame, tmp_path / "in.parquet"), tmp_path / "out.parquet", Task.MULTICLASS)

    found = read(tmp_path / "out.parquet")
    probabilities = found[["probability_0", "probability_1", "probability_2"]].to_numpy()
    assert np.array_equal(probabilities, bundle(Task.MULTICLASS).model.scores(frame))
    assert np.array_equal(found["probability"], probabilities.max(axis=1))
    assert found["prediction"].tolist() == probabilities.argmax(axis=1).tolist()


def test_regression_has_values_only(frame: pd.DataFrame, tmp_path: Path):
    scored(written(frame, tmp_path / "in.parquet"), tmp_path / "out.parquet", Task.REGRESSION)

    found = read(tmp_path / "out.parquet")
    assert "probability" not in found
    assert np.array_equal(found["prediction"], bundle(Task.REGRESSION).model.scores(frame))


def test_what_the_model_does_not_read_may_be_of_any_length(frame: pd.DataFrame, tmp_path: Path):
    long = frame.assign(remark="x" * (LimitsSpec().text + 1))

    outcome = scored(written(long, tmp_path / "in.parquet"), tmp_path / "out.parquet")

    assert (outcome.scored, outcome.refused) == (240, 0)
    assert read(tmp_path / "out.parquet")["remark"].equals(long["remark"])


def test_bad_row_stops_it_and_leaves_what_was_there(frame: pd.DataFrame, tmp_path: Path):
    output = written(frame.head(3), tmp_path / "out.parquet")
    before = output.read_bytes()
    frame.loc[120, "distance"] = 9000.0

    with pytest.raises(ContractViolation, match=r"row 121: distance: out_of_range.*quarantine"):
        scored(written(frame, tmp_path / "in.parquet"), output, overwrite=True)

    assert output.read_bytes() == before
    assert {file.name for file in tmp_path.iterdir()} == {"in.parquet", "out.parquet"}


def test_bad_rows_are_left_out_counted_and_listed(frame: pd.DataFrame, tmp_path: Path):
    frame.loc[[5, 77], "distance"] = 9000.0
    frame.loc[200, "carrier"] = None

    outcome = scored(
        written(frame, tmp_path / "in.parquet"), tmp_path / "out.csv", on_invalid="quarantine"
    )

    assert (outcome.scored, outcome.refused) == (237, 3)
    assert outcome.reasons == {"distance: out_of_range": 2, "carrier: null": 1}
    assert outcome.refusals == tmp_path / "out.csv.refused.jsonl"
    listed = [json.loads(line) for line in outcome.refusals.read_text().splitlines()]
    assert [line["row"] for line in listed] == [6, 78, 201]
    assert read(tmp_path / "out.csv")["flight"].tolist() == (
        frame.drop(index=[5, 77, 200])["flight"].tolist()
    )


def test_text_of_a_csv_that_is_no_number_is_a_bad_row(tmp_path: Path):
    (tmp_path / "in.csv").write_text(
        "delay,distance,seats,carrier,hour\n1.5,700,7,UA,1\n,700,7,UA,1\n1.5,far,7,UA,1\n"
    )

    outcome = scored(tmp_path / "in.csv", tmp_path / "out.csv", on_invalid="quarantine")

    assert outcome.scored == 2
    assert outcome.reasons == {"distance: wrong_type": 1}


def test_later_run_without_bad_rows_removes_the_list_of_the_earlier(
    frame: pd.DataFrame, tmp_path: Path
):
    source, output = written(frame, tmp_path / "in.parquet"), tmp_path / "out.parquet"
    (tmp_path / "out.parquet.refused.jsonl").write_text("{}\n")

    scored(source, output)

    assert not (tmp_path / "out.parquet.refused.jsonl").exists()


def test_delta_output_is_replaced_in_one_version(frame: pd.DataFrame, tmp_path: Path):
    source = written(frame, tmp_path / "in.parquet")
    scored(source, tmp_path / "out")
    frame.loc[230, "distance"] = 9000.0
    bad = written(frame, tmp_path / "bad.parquet")

    with pytest.raises(ContractViolation, match="row 231"):
        scored(bad, tmp_path / "out", overwrite=True)
    assert DeltaTable(tmp_path / "out").version() == 0

    scored(source, tmp_path / "out", overwrite=True)
    assert DeltaTable(tmp_path / "out").version() == 1
    assert len(read(tmp_path / "out")) == 240


def test_no_rows_give_an_output_without_rows(frame: pd.DataFrame, tmp_path: Path):
    outcome = scored(written(frame.head(0), tmp_path / "in.parquet"), tmp_path / "out.parquet")

    assert outcome.scored == 0
    assert list(read(tmp_path / "out.parquet"))[-3:] == [
        "prediction",
        "probability",
        "model_version",
    ]


class CountedChunks:
    """Gives rows chunk by chunk, and knows how many chunks are still in somebody's hands."""

    def __init__(self, chunks: int, rows_each: int) -> None:
        self.alive = self.most = 0
        self._chunks, self._rows = chunks, rows_each

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for number in range(self._chunks):
            yield self._chunk(number)
            self.most = max(self.most, self.alive)

    def _chunk(self, number: int) -> pa.RecordBatch:
        values = np.full(self._rows, float(number))
        self.alive += 1
        weakref.finalize(values, self._let_go)
        delay = pa.Array.from_buffers(pa.float64(), self._rows, [None, pa.py_buffer(values)])
        whole = pa.array(np.full(self._rows, 7))
        columns = {
            "delay": delay,
            "distance": whole.cast(pa.float64()),
            "seats": whole.cast(pa.float64()),
            "carrier": pa.array(["UA"] * self._rows),
            "hour": whole,
        }
        return pa.RecordBatch.from_pydict(columns)

    def _let_go(self) -> None:
        self.alive -= 1


@pytest.mark.parametrize(
    ("output", "rows_each", "most"),
    [
        ("out.csv", 50, 3),
        ("out.parquet", 50, 3),
        ("out", 1000, 25),  # the writer of Delta gathers 16,384 rows by itself
    ],
)
def test_few_chunks_are_in_memory_however_many_there_are(
    output: str, rows_each: int, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(batch_input, "CHUNK_ROWS", rows_each)
    chunks = CountedChunks(60, rows_each)
    schema = next(iter(CountedChunks(1, 1))).schema
    opened = batch_input.BatchInput(tmp_path, schema, None, text=False, _batches=iter(chunks))
    monkeypatch.setattr(batch, "open_input", lambda path: opened)

    assert scored(tmp_path / "in", tmp_path / output).scored == 60 * rows_each
    assert 0 < chunks.most <= most


def test_existing_output_is_not_replaced_unasked(frame: pd.DataFrame, tmp_path: Path):
    source = written(frame, tmp_path / "in.parquet")
    earlier = written(frame, tmp_path / "out.parquet")

    with pytest.raises(StoreError, match=r"exists already.*--overwrite"):
        scored(source, earlier)
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match="no Delta table"):
        scored(source, tmp_path / "folder", overwrite=True)
    with pytest.raises(StoreError, match="no folder"):
        scored(source, tmp_path / "nowhere" / "out.parquet")


@pytest.mark.parametrize("name", ["in.parquet", "table"])
def test_input_is_never_replaced_even_where_asked(frame: pd.DataFrame, tmp_path: Path, name: str):
    source = written(frame, tmp_path / name)
    linked = tmp_path / f"linked_{name}"
    linked.symlink_to(source)

    for output in (source, linked):
        with pytest.raises(StoreError, match="is the input itself; name another output"):
            scored(source, output, overwrite=True)
    assert "prediction" not in read(source).columns


def test_input_that_cannot_be_scored_is_named(frame: pd.DataFrame, tmp_path: Path):
    output = tmp_path / "out.parquet"
    lacking = written(frame.drop(columns=["seats", "hour"]), tmp_path / "lacking.parquet")
    taken = written(frame.assign(prediction=1), tmp_path / "taken.parquet")
    (tmp_path / "rows.txt").write_text("a\n")
    (tmp_path / "broken.parquet").write_text("no parquet")
    (tmp_path / "empty.csv").write_text("")

    for source, said in (
        (lacking, "lacks seats, hour"),
        (taken, "has the columns prediction already"),
        (tmp_path / "rows.txt", "no known kind"),
        (tmp_path / "nowhere.csv", "there is no"),
        (tmp_path / "broken.parquet", "cannot read"),
        (tmp_path / "empty.csv", "cannot read"),
    ):
        with pytest.raises(SourceError, match=said):
            scored(source, output)
    assert not output.exists()
