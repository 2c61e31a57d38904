"""The exit codes as a script meets them, on a small model."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ml_platform.cli.exit_codes import ExitCode
from ml_platform.cli.main import main
from ml_platform_tests.cli.small_model import environment, ml_platform, write_model


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The folder of a declared model that was never trained."""
    return write_model(tmp_path)


def edit(model: Path, old: str, new: str) -> None:
    file = model / "defs.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_a_wrong_declaration_exits_2_before_anything_starts(model):
    edit(model, "task: binary", "task: binar")
    for command in ("check", "train"):
        done = ml_platform(model, command, "small")
        assert done.returncode == ExitCode.USAGE, done.stderr
        assert "defs.yaml:7: task:" in done.stderr
        assert "Traceback" not in done.stderr
    assert not (model.parents[1] / "home").exists()


@pytest.mark.slow
def test_broken_data_exit_3_and_tell_the_gate_its_numbers_and_three_ways_on(model):
    edit(model, "max: 100", "max: 50")
    done = ml_platform(model, "train", "small")
    assert done.returncode == ExitCode.BLOCKED, done.stderr
    told = done.stderr.partition("error: ")[2].replace("\nerror: ", "\n").splitlines()
    assert told[:-1] == [
        "small/validated_data is blocked by 1 gate(s):",
        "  contract: failed: contract version 1: 1 rule broken: amount: max: 196 of 400 rows, such "
        "as 51 in row 51 (valid: <= 50) (bound 0)",
        "What you can do:",
        "  1. Look at what the check found, and mend the data or the model.",
        f"  2. Change the gate, where its bound is wrong, in {model / 'defs.yaml'}, and have it "
        "judged: ml-platform train small",
        "  3. Set `on_invalid: quarantine` on the contract to go on without the bad rows.",
    ]
    assert re.fullmatch(r"the run is [0-9a-f-]{36} in the Dagster UI .*", told[-1])
    assert json.loads(ml_platform(model, "status", "small", "--json").stdout)[0]["deployed"] is None


def here(model: Path, *arguments: str) -> Result:
    """Run the command in this process, which has imported everything already."""
    return CliRunner().invoke(main, list(arguments), env=environment(model))


def test_a_missing_file_exits_4_in_one_sentence(model):
    (model / "rows.csv").unlink()
    done = here(model, "train", "small")
    assert done.exit_code == ExitCode.UNAVAILABLE, done.stderr
    assert "rows.csv" in done.stderr
    assert "Traceback" not in done.stderr


def test_code_of_the_model_that_raises_exits_1(model):
    edit(model, "{type: csv, path: rows.csv}", '{type: python, function: "source:load"}')
    (model / "source.py").write_text("def load():\n    return 1 / 0\n")
    done = here(model, "train", "small")
    assert done.exit_code == ExitCode.CRASH
    assert "error: ZeroDivisionError: division by zero" in done.stderr


def test_serving_what_was_never_released_exits_5(model):
    done = ml_platform(model, "serve", "small")
    assert done.returncode == ExitCode.FAILED, done.stderr
    assert "no version of 'small' is released yet" in done.stderr
    done = here(model, "serve", "small:9")
    assert done.exit_code == ExitCode.FAILED, done.stderr
    assert "there is no Bento small:9 (there are: none)" in done.stderr
