import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from ml_platform.cli.exit_codes import ExitCode
from ml_platform.cli.main import main
from ml_platform.data.contract import Contract
from ml_platform.data.expectations import import_suite
from ml_platform.spec.source_map import read_yaml
from ml_platform_tests.component.running import MODELS

SUITE = Path(__file__).parents[1] / "data" / "expectations" / "taxi_suite.json"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_PLATFORM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ML_PLATFORM_MODELS", str(MODELS))


def run(*arguments: object):
    return CliRunner().invoke(main, ["import-expectations", *map(str, arguments)])


def contract_in(text: str) -> Contract:
    document = read_yaml(f"type: x\nattributes:\n  data:\n{text}", name="defs.yaml")
    return Contract.model_validate(document.value["attributes"]["data"]["contract"])


def test_printed_section_is_the_contract_and_says_what_is_lost():
    result = run(SUITE)
    assert result.exit_code == ExitCode.OK
    imported = import_suite(json.loads(SUITE.read_text("utf-8")))
    assert contract_in(result.stdout) == imported.contract
    assert "    # 22 of 28 expectations are carried over.\n" in result.stdout
    for remark in (*imported.left_out, *imported.differences):
        assert f"    #   {remark}\n" in result.stdout
        assert f"  {remark}\n" in result.stderr


def test_a_suite_in_yaml_gives_the_same_contract_as_in_json(tmp_path):
    document = json.loads(SUITE.read_text("utf-8"))
    for expectation in document["expectations"]:
        expectation["type"] = expectation.pop("expectation_type")
    file = tmp_path / "suite.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    assert contract_in(run(file).stdout) == contract_in(run(SUITE).stdout)


def test_values_that_yaml_could_take_for_something_else_stay_text(tmp_path):
    values = ["NO", "1e5", "on", "12", "2024-01-01", "null", "a: b", "#", "Å", "1_000"]
    kwargs = {"column": "x", "value_set": values}
    suite = {"expectations": [{"type": "expect_column_values_to_be_in_set", "kwargs": kwargs}]}
    file = tmp_path / "suite.json"
    file.write_text(json.dumps(suite), encoding="utf-8")
    assert contract_in(run(file).stdout).columns["x"].allowed == tuple(values)


def test_into_a_file_writes_it_once(tmp_path):
    file = tmp_path / "contract.yaml"
    assert run(SUITE, "--into", file).exit_code == ExitCode.OK
    assert contract_in(file.read_text("utf-8")).table.min_rows == 1000
    again = run(SUITE, "--into", file)
    assert again.exit_code == ExitCode.USAGE
    assert "is there already" in again.stderr


def test_into_a_model_takes_its_types_and_tells_what_the_model_misses(tmp_path, monkeypatch):
    folder = tmp_path / "models" / "small_credit"
    folder.mkdir(parents=True)
    for file in (MODELS / "small_credit").glob("*.*"):
        (folder / file.name).write_text(file.read_text("utf-8"), encoding="utf-8")
    monkeypatch.setenv("ML_PLATFORM_MODELS", str(folder.parent))
    kinds = {"expect_column_to_exist": ["loan_id", "applied_at", "income", "defaulted"]}
    listed = [
        {"type": kind, "kwargs": {"column": name}}
        for kind, names in kinds.items()
        for name in names
    ]
    suite = tmp_path / "suite.json"
    suite.write_text(json.dumps({"expectations": listed}), encoding="utf-8")
    result = run(suite, "--into", "small_credit")
    assert result.exit_code == ExitCode.OK, result.output
    contract = contract_in((folder / "contract.yaml").read_text("utf-8"))
    assert contract.version == 2
    assert [column.dtype for column in contract.columns.values()] == [
        "string",
        "datetime",
        "float64",
        "bool",
    ]
    assert f"in place of `contract:` in {folder / 'defs.yaml'}" in result.stderr
    assert "no column 'purpose'" in result.stderr


def test_json_holds_the_contract_and_every_remark():
    document = json.loads(run(SUITE, "--json").stdout)
    assert document["carried_over"] == 22
    assert [remark["number"] for remark in document["not_carried_over"]] == [
        12, 24, 25, 26, 27, 28,
    ]  # fmt: skip
    Contract.model_validate(document["contract"])


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("suite.json", "{", "suite.json:1: not valid JSON"),
        ("suite.yaml", "a: [", "not valid YAML"),
        ("suite.json", "[]", "no suite"),
    ],
)
def test_what_is_no_suite_is_a_usage_error(tmp_path, name, text, said):
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    result = run(file)
    assert result.exit_code == ExitCode.USAGE
    assert said in result.stderr


def test_an_unknown_model_is_named():
    result = run(SUITE, "--into", "nothing")
    assert result.exit_code == ExitCode.USAGE
    assert "no model 'nothing'" in result.stderr
