"""The command on a copy of the small model, as a script meets it."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ml_platform.cli.exit_codes import ExitCode
from ml_platform.cli.main import main
from ml_platform.data.snapshots import SnapshotStore
from ml_platform.settings import Settings
from ml_platform.spec.load import load_declaration
from ml_platform_tests.models.small_credit.source import load

SOURCE = Path(__file__).parents[1] / "models" / "small_credit"

GATES = """\
    # kept: 0.001
    - {type: no_regression, metric: roc_auc, tolerance: 0.001}   # guessed
    - {type: model_size, max_bytes: 10000000}
"""


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The declaration of a copy that may be edited, in a home of its own."""
    monkeypatch.setenv("ML_PLATFORM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ML_PLATFORM_MODELS", str(tmp_path / "models"))
    folder = tmp_path / "models" / "small_credit"
    shutil.copytree(SOURCE, folder)
    file = folder / "defs.yaml"
    file.write_text(file.read_text("utf-8") + GATES, encoding="utf-8")
    return file


@pytest.fixture
def validated(model: Path) -> Path:
    """The same, with data that passed."""
    store = SnapshotStore(Settings.from_environment().data_url)
    store.write("small_credit/validated_data", load())
    return model


def calibrate(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["calibrate", "small_credit", "--seeds", "3", *arguments])


def test_without_validated_data_it_is_a_clear_error(model):
    result = calibrate()
    assert result.exit_code == ExitCode.FAILED
    assert result.stderr.startswith("error: small_credit has no validated data yet")


@pytest.mark.parametrize("option", ["--budget=never", "--budget=0s", "--seeds=2", "--margin=-1"])
def test_a_wrong_option_is_a_usage_error(model, option):
    assert calibrate(option).exit_code == ExitCode.USAGE


def test_a_diff_is_shown_and_the_report_has_the_distributions(validated):
    before = validated.read_bytes()
    result = calibrate()
    assert result.exit_code == 0, result.stderr
    assert validated.read_bytes() == before
    assert (
        "-    - {type: no_regression, metric: roc_auc, tolerance: 0.001}   # guessed"
        in result.stdout
    )
    assert "apply it with --write" in result.stdout
    assert "not calibrated: model_size: " in result.stdout
    assert "1/6 fit on resampled rows, seed 1" in result.stderr
    [page] = (Settings.from_environment().reports / "small_credit" / "calibration").glob("*.html")
    assert page.read_text("utf-8").count("<svg") == 8  # two of each metric and batch size
    assert json.loads(page.with_suffix(".json").read_text("utf-8"))["model"] == "small_credit"


def test_write_changes_just_the_numbers(validated):
    before = validated.read_text("utf-8")
    result = calibrate("--write", "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    new = {each["field"]: each["proposed"] for each in document["proposals"]}
    expected = before.replace("floor: 0.7}", f"floor: {new['floor']}}}").replace(
        "tolerance: 0.001}", f"tolerance: {new['tolerance']}}}"
    )
    assert validated.read_text("utf-8") == expected != before
    assert load_declaration(validated).spec.gates[1].model_dump()["tolerance"] == float(
        new["tolerance"]
    )
    assert document["written"] is True
