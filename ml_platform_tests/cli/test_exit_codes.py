"""The command as a script meets it: in a process of its own, on a small model."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ml_platform.cli.exit_codes import ExitCode

DECLARATION = """\
type: ml_platform.MLModel
attributes:
  name: small
  owner: a@b.org
  description: Is it late?
  intended_use: Tests.
  task: binary
  data:
    source: {type: csv, path: rows.csv}
    target: late
    contract:
      version: 1
      columns:
        amount: {dtype: float64, min: 0, max: 100}
        late: {dtype: int64, allowed: [0, 1]}
  features: {numeric: [amount]}
  split: {type: stratified, holdout: 0.25, seed: 7}
  training: {type: xgboost, rounds: 5, params: {max_depth: 2}, seed: 7}
  evaluation: {metrics: [roc_auc], bootstrap: 0}
  gates:
    - {type: minimum_metric, metric: roc_auc, floor: 0.6}
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The folder of a declared model with 400 rows that are easy to learn."""
    folder = tmp_path / "models" / "small"
    folder.mkdir(parents=True)
    (folder / "defs.yaml").write_text(DECLARATION)
    rows = (f"{i % 100},{int(i % 100 > 50)}" for i in range(400))
    (folder / "rows.csv").write_text("amount,late\n" + "\n".join(rows) + "\n")
    return folder


def ml_platform(model: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ml_platform", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=model.parent,
        env=environment(model),
        timeout=300,
    )


def environment(model: Path) -> dict[str, str]:
    own = {
        "ML_PLATFORM_HOME": str(model.parents[1] / "home"),
        "ML_PLATFORM_MODELS": str(model.parent),
    }
    kept = {key: value for key, value in os.environ.items() if key != "DAGSTER_HOME"}
    return kept | own


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
def test_broken_data_exit_3_and_name_the_rule(model):
    edit(model, "max: 100", "max: 50")
    done = ml_platform(model, "train", "small")
    assert done.returncode == ExitCode.BLOCKED, done.stderr
    assert "amount" in done.stderr
    assert "Traceback" not in done.stderr
    assert json.loads(ml_platform(model, "status", "small", "--json").stdout)[0]["deployed"] is None


@pytest.mark.slow
def test_a_missing_file_exits_4_in_one_sentence(model):
    (model / "rows.csv").unlink()
    done = ml_platform(model, "train", "small")
    assert done.returncode == ExitCode.UNAVAILABLE, done.stderr
    assert "rows.csv" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_code_of_the_model_that_raises_exits_1(model):
    edit(model, "{type: csv, path: rows.csv}", '{type: python, function: "source:load"}')
    (model / "source.py").write_text("def load():\n    return 1 / 0\n")
    done = ml_platform(model, "train", "small")
    assert done.returncode == ExitCode.CRASH
    assert "error: ZeroDivisionError: division by zero" in done.stderr


def test_serving_what_was_never_released_exits_5(model):
    done = ml_platform(model, "serve", "small")
    assert done.returncode == ExitCode.FAILED, done.stderr
    assert "no version of 'small' is released yet" in done.stderr


@pytest.mark.slow
def test_train_serve_and_status_go_together(model):
    trained = ml_platform(model, "train", "small", "--json")
    assert trained.returncode == ExitCode.OK, trained.stderr
    assert json.loads(trained.stdout)["bento"] == "small:1"

    again = ml_platform(model, "train", "small")
    assert again.returncode == ExitCode.OK, again.stderr
    assert "nothing has changed: version 1 is reused" in again.stdout

    [found] = json.loads(ml_platform(model, "status", "small", "--json").stdout)
    assert (found["deployed"], found["latest"]) == (1, 1)
    assert found["last_run"]["status"] == "success"
    assert {gate["state"] for gate in found["gates"]} == {"passed"}

    command = [sys.executable, "-m", "ml_platform", "serve", "small", "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment(model)
    ) as one:
        assert one.stdout is not None
        announced = json.loads(one.stdout.readline())
        one.send_signal(signal.SIGTERM)
        assert one.wait(30) == ExitCode.OK
    assert announced["model"] == "small:1"
    with pytest.raises(ProcessLookupError):
        os.kill(announced["pid"], 0)
