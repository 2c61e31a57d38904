"""Labels by the command, as a script meets it."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner

from ml_platform.cli.exit_codes import ExitCode
from ml_platform.cli.main import main
from ml_platform.feedback.inference_table import COLUMNS, InferenceTable
from ml_platform_tests.cli.small_model import DECLARATION, environment

START = datetime.now(UTC) - timedelta(days=30)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "models" / "small"
    folder.mkdir(parents=True)
    text = DECLARATION + "  feedback: {label_delay: 1d, window: 7d}\n"
    text += "  training_data: {feedback: false}\n"
    (folder / "defs.yaml").write_text(text)
    rows = [
        {
            "prediction_id": f"p{i}",
            "time": START + timedelta(days=i / 100),
            "prediction": "1",
            "score": (i % 100) / 100,
            "version": 1,
            "role": "champion",
            "latency_us": 1,
            "request_id": "",
            "random": False,
            "segment": "s",
        }
        for i in range(1000)
    ]
    log = InferenceTable(str(tmp_path / "home" / "data"), "small")
    table = pa.Table.from_pylist(rows, schema=COLUMNS)
    assert log.append(table, {"s": 1}, looked=log.look())
    return folder


def labels(model: Path, *, wanted: int = 1000) -> Path:
    file = model.parent / "bank.csv"
    lines = [
        f"p{i},{int(i % 3 == 0)},{START + timedelta(days=i / 100 + 0.5):%Y-%m-%dT%H:%M:%SZ}"
        for i in range(wanted)
    ]
    file.write_text("prediction_id,late,observed_at\n" + "\n".join(lines) + "\n")
    return file


def run(model: Path, *arguments: str) -> object:
    return CliRunner().invoke(main, ["feedback", *arguments], env=environment(model))


def test_a_file_is_taken_in_once_and_joined(model: Path) -> None:
    file = labels(model)
    first = run(model, "import", "small", str(file), "--json")
    assert json.loads(first.stdout) == {"file": str(file), "rows": 1000, "added": 1000}
    again = run(model, "import", "small", str(file))
    assert "0 labels taken in" in again.stdout
    assert "1,000 were there already" in again.stdout

    joined = run(model, "join", "small")
    assert joined.exit_code == 0, joined.output
    assert "labels: 1,000 delivered: 1,000 joined" in joined.stdout
    assert "bias_audit: passed" in joined.stdout

    shown = json.loads(run(model, "status", "small", "--json").stdout)
    assert shown["counts"] == {"joined": 1000}
    assert shown["audit"]["trainable"] == "all"
    assert shown["delay"]["quantiles"]["0.5"] == pytest.approx(43_200, abs=2)


def test_an_audit_that_blocks_exits_3(model: Path) -> None:
    file = labels(model)
    head, *rows = file.read_text().splitlines()  # few of those with a score above 0.4
    kept = [row for i, row in enumerate(rows) if i % 100 < 40 or i % 100 > 90]
    file.write_text("\n".join([head, *kept]) + "\n")
    run(model, "import", "small", str(file))
    joined = run(model, "join", "small")
    assert joined.exit_code == ExitCode.BLOCKED
    assert "bias_audit: failed: score" in joined.output
    assert "what may teach: none" in joined.output


def test_a_task_without_an_estimate_is_told_that_there_is_none(model: Path) -> None:
    file = model / "defs.yaml"
    text = file.read_text()
    for old, new in [
        ("task: binary", "task: regression"),
        ("type: stratified", "type: random"),
        ("metrics: [roc_auc]", "metrics: [mae]"),
        (
            "{type: minimum_metric, metric: roc_auc, floor: 0.6}",
            "{type: maximum_metric, metric: mae, ceiling: 1}",
        ),
    ]:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)
    said = "no estimate before the labels for task regression: it takes probabilities"
    shown = run(model, "status", "small")
    assert said in shown.stdout, shown.output
    assert json.loads(run(model, "status", "small", "--json").stdout)["not_estimated"] == said


def test_a_model_without_feedback_says_what_to_declare(model: Path) -> None:
    file = model / "defs.yaml"
    file.write_text(DECLARATION)
    result = run(model, "status", "small")
    assert result.exit_code == ExitCode.USAGE
    assert "feedback: {label_delay: 1d, window: 7d}" in result.output


def test_a_file_without_ids_is_refused_whole(model: Path) -> None:
    file = model.parent / "odd.csv"
    file.write_text("who,late\n1,1\n")
    result = run(model, "import", "small", str(file))
    assert result.exit_code == ExitCode.UNAVAILABLE
    assert "has the columns who, late; needed are label or late, and prediction_id" in result.output


@pytest.mark.slow
def test_import_and_join_in_processes_of_their_own(model: Path) -> None:
    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ml_platform", "feedback", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=environment(model),
            timeout=120,
        )

    taken = command("import", "small", str(labels(model)), "--source", "bank")
    assert taken.returncode == 0, taken.stderr
    joined = command("join", "small", "--json")
    assert joined.returncode == 0, joined.stderr
    assert json.loads(joined.stdout)["counts"] == {"joined": 1000}
    shown = command("status", "small")
    assert "what may teach: all" in shown.stdout
