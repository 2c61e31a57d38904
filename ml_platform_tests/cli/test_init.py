import re
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from ml_platform.cli.exit_codes import ExitCode
from ml_platform.cli.main import main
from ml_platform.data.validation import validate
from ml_platform.spec.load import Declaration, load_declaration
from ml_platform.task import Task


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for models that ML_PLATFORM_MODELS names; the current directory is beside it."""
    models = tmp_path / "models"
    models.mkdir()
    monkeypatch.setenv("ML_PLATFORM_MODELS", str(models))
    monkeypatch.setenv("ML_PLATFORM_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return models


def rows(count: int = 400) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    amount = generator.normal(size=count)
    return pd.DataFrame(
        {
            "at": pd.date_range("2024-01-01", periods=count, freq="h"),
            "key": np.arange(count),
            "amount": amount,
            "kind": generator.choice(["a", "b", "c"], count),
            "late": (amount + generator.normal(size=count) > 0).astype(int),
        }
    )


def init(*arguments: str):
    return CliRunner().invoke(main, ["init", *arguments])


def declared(place: Path, name: str) -> Declaration:
    return load_declaration(place / name / "defs.yaml")


@pytest.mark.parametrize(
    ("written", "options"),
    [
        ({}, {}),
        ({"sep": ";", "encoding": "cp1252"}, {"encoding": "cp1252", "sep": ";"}),
        ({"sep": "\t", "encoding": "utf-16"}, {"encoding": "utf-16", "sep": "\t"}),
        ({"sep": "|"}, {"sep": "|"}),
    ],
)
def test_a_csv_is_read_as_it_was_written(place, tmp_path, written, options):
    frame = rows().replace({"kind": {"a": "café", "b": "thé"}})
    frame.columns = ["at", "key", "amount, of all", "kind", "late"]
    frame.to_csv(tmp_path / "rows.csv", index=False, **written)
    result = init("late_ones", "--data", "rows.csv", "--target", "late", "--time", "at")
    assert result.exit_code == ExitCode.OK, result.output
    data = declared(place, "late_ones").spec.data
    assert data.source.options == options
    assert set(data.contract.columns) == set(frame.columns)
    assert set(data.contract.columns["kind"].allowed or ()) == {"café", "c", "thé"}


def test_two_columns_of_one_name_are_told(place, tmp_path):
    (tmp_path / "rows.csv").write_text("late;kind;kind\n1;a;b\n0;b;a\n")
    result = init("late_ones", "--data", "rows.csv", "--target", "late")
    assert result.exit_code == ExitCode.UNAVAILABLE
    assert "rows.csv has several columns named 'kind'; rename all but one" in result.stderr
    assert not (place / "late_ones").exists()


def test_codes_with_zeros_before_them_stay_text(place, tmp_path):
    frame = rows()
    frame["zip"] = [f"{number % 7:05}" for number in range(len(frame))]
    frame["count"] = np.arange(len(frame)) % 9
    frame.loc[3, "zip"] = None
    frame.to_csv(tmp_path / "rows.csv.gz", index=False)
    result = init("late_ones", "--data", "rows.csv.gz", "--target", "late")
    assert result.exit_code == ExitCode.OK, result.output
    data = declared(place, "late_ones").spec.data
    assert data.source.options == {"dtype": {"zip": "str"}}
    assert data.contract.columns["zip"].allowed == tuple(f"{number:05}" for number in range(7))
    assert data.contract.columns["count"].dtype == "int64"


@pytest.mark.parametrize("written", ["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y %H:%M", "%m-%d-%Y %H:%M:%S"])
def test_dates_as_people_write_them_are_read_as_they_are_meant(place, tmp_path, written):
    frame = rows()
    meant = frame["at"].dt.strftime(written)
    frame.assign(at=meant.mask(frame.index == 3)).to_csv(tmp_path / "rows.csv", index=False)
    result = init("late_ones", "--data", "rows.csv", "--target", "late", "--time", "at")
    assert result.exit_code == ExitCode.OK, result.output
    data = declared(place, "late_ones").spec.data
    assert data.source.options == {"parse_dates": ["at"], "date_format": {"at": written}}
    read = data.source.read(folder=place / "late_ones")["at"]
    assert (read.dropna() == pd.to_datetime(meant.drop(3), format=written)).all()
    assert data.contract.columns["at"].dtype == "datetime"


def test_dates_whose_days_may_be_months_are_told(place, tmp_path):
    frame = rows().assign(at=[f"{1 + n % 12:02}/{1 + n % 12:02}/2024" for n in range(400)])
    frame.to_csv(tmp_path / "rows.csv", index=False)
    result = init("late_ones", "--data", "rows.csv", "--target", "late", "--time", "at")
    assert result.exit_code == ExitCode.USAGE
    assert "such as '01/01/2024' (valid: dates and times as 2024-02-01 10:00; " in result.stderr


def test_a_csv_becomes_a_valid_declaration(place, tmp_path):
    rows().to_csv(tmp_path / "rows.csv", index=False)
    result = init(
        "late_ones", "--data", "rows.csv", "--target", "late", "--time", "at", "--id", "key"
    )
    assert result.exit_code == ExitCode.OK, result.output
    spec = declared(place, "late_ones").spec
    assert spec.task is Task.BINARY
    assert spec.features.columns == ("amount", "kind")
    assert spec.split.type == "time_ordered"
    assert spec.data.contract.columns["at"].dtype == "datetime"
    assert spec.data.contract.columns["key"].unique
    text = (place / "late_ones" / "defs.yaml").read_text("utf-8")
    assert "path: ../../rows.csv" in text
    assert "# A quick fit on 400 rows reached" in text


def test_the_proposed_floor_lies_between_no_skill_and_what_was_reached(place, tmp_path):
    rows().to_csv(tmp_path / "rows.csv", index=False)
    init("late_ones", "--data", "rows.csv", "--target", "late")
    [gate] = declared(place, "late_ones").spec.gates
    assert 0.5 < gate.floor < 0.9
    assert gate.enforce == "block"


GAPS = {
    "a time is missing": {"at": lambda at: at.astype(str).where(at.index != 3)},
    "a time is no time": {"at": lambda at: at.astype(str).where(at.index != 3, "soon")},
    "an id is missing": {"key": lambda key: key.where(key.index != 5)},
    "most targets are missing": {"late": lambda late: late.where(late.index < 90)},
    "a column is there for rows without a target alone": {
        "late": lambda late: late.where(late.index % 2 == 0),
        "amount": lambda amount: amount.where((amount.index % 2 == 1) | (amount.index < 30)),
    },
}


@pytest.mark.parametrize("gap", GAPS)
def test_file_with_gaps_keeps_the_contract_inferred_from_it(place, tmp_path, gap):
    frame = rows()
    for column, change in GAPS[gap].items():
        frame[column] = change(frame[column])
    frame.to_csv(tmp_path / "rows.csv", index=False)
    result = init("gaps", "--data", "rows.csv", "--target", "late", "--time", "at", "--id", "key")
    assert result.exit_code == ExitCode.OK, result.output
    found = declared(place, "gaps")
    contract = found.spec.data.contract
    validation = validate(
        pd.read_csv(tmp_path / "rows.csv"),
        contract,
        event_time="at",
        folder=found.folder,
        now=datetime(2024, 6, 1),
    )
    assert validation.passed, validation.summary
    assert contract.on_invalid == "quarantine"
    assert contract.columns["key"].unique
    text = found.file.read_text("utf-8")
    assert f"# {len(validation.quarantined)} of 400 rows have no {next(iter(GAPS[gap]))}" in text


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (["01/02/2024 10:00"] * 200, "such as '01/02/2024 10:00'"),
        (range(1_700_000_000, 1_700_000_200), "such as 1700000000"),
        ([None] * 200, "it is empty"),
    ],
)
def test_time_that_cannot_be_read_is_refused_with_a_value_and_what_is_valid(
    place, tmp_path, times, said
):
    rows(200).assign(at=times).to_csv(tmp_path / "rows.csv", index=False)
    result = init("x", "--data", "rows.csv", "--target", "late", "--time", "at")
    assert result.exit_code == ExitCode.USAGE, result.output
    assert f"--time 'at' holds nothing that can be read as a time, {said} (valid: " in result.stderr
    assert not list(place.iterdir())


def test_file_that_breaks_what_is_inferred_from_it_is_refused(place, tmp_path):
    frame = rows(200).assign(day=["2024-02-30"] * 100 + ["2024-02-01"] * 100)
    frame.to_csv(tmp_path / "rows.csv", index=False)
    result = init("x", "--data", "rows.csv", "--target", "late")
    assert result.exit_code == ExitCode.USAGE, result.output
    assert "no contract was found that the file itself keeps: " in result.stderr
    assert "day: dtype: 100 of 200 rows, such as '2024-02-30'" in result.stderr
    assert not list(place.iterdir())


@pytest.mark.parametrize("luck", [8, 19])  # the holdout agrees by chance: 0.553 and 0.590
def test_what_cannot_be_learned_only_warns(place, tmp_path, luck):
    frame = rows().assign(late=np.random.default_rng(luck).permutation([0, 1] * 200))
    frame.drop(columns=["at", "key"]).to_csv(tmp_path / "rows.csv", index=False)
    result = init("noise", "--data", "rows.csv", "--target", "late")
    assert result.exit_code == ExitCode.OK, result.output
    [gate] = declared(place, "noise").spec.gates
    assert (gate.enforce, gate.floor) == ("warn", 0.5)
    text = (place / "noise" / "defs.yaml").read_text("utf-8")
    assert re.search(
        r"# A quick fit on 400 rows reached 0\.5\d+ \[.*\], which may be no skill", text
    )


def test_metric_that_cannot_be_measured_on_the_holdout_only_warns(place, tmp_path):
    frame = rows().assign(late=[1, 0] * 20 + [0] * 360)  # split in time: the last ones are alike
    frame.to_csv(tmp_path / "rows.csv", index=False)
    result = init("late_ones", "--data", "rows.csv", "--target", "late", "--time", "at")
    assert result.exit_code == ExitCode.OK, result.output
    [gate] = declared(place, "late_ones").spec.gates
    assert gate.enforce == "warn"
    text = (place / "late_ones" / "defs.yaml").read_text("utf-8")
    assert "# A quick fit on 400 rows is not measurable: " in text


def test_a_parquet_file_of_numbers_becomes_a_regression(place, tmp_path):
    rows().to_parquet(tmp_path / "rows.parquet")
    result = init("amounts", "--data", "rows.parquet", "--target", "amount")
    assert result.exit_code == ExitCode.OK, result.output
    assert declared(place, "amounts").spec.task is Task.REGRESSION


def test_columns_in_chinese_and_named_like_keywords_work(place, tmp_path):
    frame = rows().rename(columns={"amount": "金额", "kind": "class", "late": "是否迟到"})
    frame.to_csv(tmp_path / "行.csv", index=False)
    result = init("chinese", "--data", "行.csv", "--target", "是否迟到", "--id", "key")
    assert result.exit_code == ExitCode.OK, result.output
    assert set(declared(place, "chinese").spec.features.columns) == {"金额", "class"}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("x", "--data", "none.csv", "--target", "late"), ExitCode.UNAVAILABLE, "none.csv"),
        (("x", "--data", "empty.csv", "--target", "late"), ExitCode.UNAVAILABLE, "empty.csv"),
        (("x", "--data", "rows.xls", "--target", "late"), ExitCode.UNAVAILABLE, "valid endings"),
        (("x", "--data", "rows.csv", "--target", "lat"), ExitCode.USAGE, "is no column"),
        (("X!", "--data", "rows.csv", "--target", "late"), ExitCode.USAGE, "no name for a model"),
        (("x", "--data", "rows.csv"), ExitCode.USAGE, "--target"),
        (
            ("x", "--data", "rows.csv", "--target", "late", "--into", "rows.csv"),
            ExitCode.USAGE,
            "rows.csv/x: Not a directory",
        ),
        (
            ("x", "--data", "rows.csv", "--target", "late", "--id", "late"),
            ExitCode.USAGE,
            "--target and --id are the same column 'late'",
        ),
        (
            ("x", "--data", "rows.csv", "--target", "late", "--id", "at", "--time", "at"),
            ExitCode.USAGE,
            "--time and --id are the same column 'at'",
        ),
    ],
)
def test_a_wrong_call_is_one_clear_line_and_writes_nothing(place, tmp_path, arguments, code, said):
    rows(50).to_csv(tmp_path / "rows.csv", index=False)
    (tmp_path / "empty.csv").write_text("late,amount\n")
    result = init(*arguments)
    assert result.exit_code == code, result.output
    assert said in result.stderr
    assert "Traceback" not in result.output
    assert not list(place.iterdir())


def test_a_model_that_is_there_is_left_alone(place, tmp_path):
    rows().to_csv(tmp_path / "rows.csv", index=False)
    (place / "late_ones").mkdir()
    result = init("late_ones", "--data", "rows.csv", "--target", "late")
    assert result.exit_code == ExitCode.USAGE
    assert "is there already" in result.stderr


def test_into_wins_and_says_how_to_have_it_found(place, tmp_path):
    rows().to_csv(tmp_path / "rows.csv", index=False)
    result = init("m", "--data", "rows.csv", "--target", "late", "--into", str(tmp_path / "other"))
    assert result.exit_code == ExitCode.OK, result.output
    assert (tmp_path / "other" / "m" / "defs.yaml").is_file()
    assert f"export ML_PLATFORM_MODELS={tmp_path / 'other'}" in result.stdout
