"""One small model through the commands of a first day: demo, train, status, serve, up."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import pytest
from click.testing import CliRunner, Result

from ml_platform.cli.exit_codes import ExitCode
from ml_platform.cli.main import main
from ml_platform_tests.cli.small_model import environment, write_model

pytestmark = pytest.mark.slow


@dataclass
class Demonstrated:
    """A model that was shown twice. model: its folder; home: beside it."""

    model: Path
    first: Result
    again: Result

    @property
    def home(self) -> Path:
        return self.model.parents[1] / "home"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstrated]:
    model = write_model(tmp_path_factory.mktemp("demo"))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DAGSTER_HOME", raising=False)
        for name in ("ML_PLATFORM_HOME", "ML_PLATFORM_MODELS"):
            patch.setenv(name, environment(model)[name])
        first, again = (call("demo", "--model", "small") for _ in range(2))
        yield Demonstrated(model, first, again)


def call(*arguments: str) -> Result:
    """The command in this process, which has imported everything already."""
    return CliRunner().invoke(main, list(arguments))


def test_demo_trains_serves_asks_once_and_tells_where_to_look(shown: Demonstrated) -> None:
    assert shown.first.exit_code == ExitCode.OK, shown.first.stderr
    text = shown.first.stdout
    commands = ("up", "status", "serve small", "init .*")
    lines = [
        rf"small is declared in {shown.model}/defs.yaml, and sound",
        rf"training small through Dagster; everything is kept in {shown.home}",
        r"trained version 1; small:1 is deployed \([\d.]+ s\)",
        r"serving small:1 \.\.\.",
        r"POST http://127\.0\.0\.1:\d+/predict",
        r"\{\"amount\": [\d.]+\}",
        r"answer: (?P<answer>\{.*\})",
        r"the service is stopped again",
        r"",
        r"Where to look next:",
        *(rf"  \S*ml-platform {command}  +\S.*" for command in commands),
        rf"  (?P<report>{shown.home}/\S*/small/v1/evaluation\.html)  +how good this one is",
    ]
    found = re.fullmatch("\n".join(lines) + "\n", text)
    assert found, text
    answer = json.loads(found["answer"])
    assert answer["prediction"] in (0, 1)
    assert answer["model_version"] == "1"
    assert Path(found["report"]).is_file()
    steps = re.findall(r"^([1-5])/5 (\w+)", shown.first.stderr, re.MULTILINE)
    assert dict(steps)["5"] == "deployed_bento"
    assert "  passed  minimum_metric_roc_auc: " in shown.first.stderr


def test_second_demo_says_what_it_reuses_and_answers_alike(shown: Demonstrated) -> None:
    assert shown.again.exit_code == ExitCode.OK, shown.again.stderr
    assert "nothing has changed: version 1 is reused; small:1 is deployed" in shown.again.stdout
    assert "trained version" not in shown.again.stdout
    score = r"\"probability\": ([^,}]+)"
    assert re.findall(score, shown.again.stdout) == re.findall(score, shown.first.stdout)


def test_train_by_force_status_and_serve_go_together(shown: Demonstrated) -> None:
    trained = call("train", "small", "--force", "--json")
    assert trained.exit_code == ExitCode.OK, trained.output
    outcome = json.loads(trained.stdout)
    assert (outcome["bento"], outcome["reused"]) == ("small:2", False)

    [found] = json.loads(call("status", "small", "--json").stdout)
    assert (found["deployed"], found["latest"]) == (2, 2)
    assert found["last_run"]["status"] == "success"
    assert {gate["state"] for gate in found["gates"]} == {"passed"}

    assert served(shown, "small") == ("small:2", "2")
    assert served(shown, "small:1") == ("small:1", "1")


def served(shown: Demonstrated, what: str) -> tuple[str, str]:
    """What is announced and what answers, of a service that ends when it is told to."""
    command = [sys.executable, "-m", "ml_platform", "serve", what, "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment(shown.model)
    ) as one:
        assert one.stdout is not None
        announced = json.loads(one.stdout.readline())
        health = json.loads(answer(f"{announced['url']}/health"))
        one.send_signal(signal.SIGTERM)
        assert one.wait(30) == ExitCode.OK
    with pytest.raises(ProcessLookupError):
        os.kill(announced["pid"], 0)
    return announced["model"], health["model_version"]


def test_up_serves_champion_and_reports_and_leaves_nothing_behind(
    shown: Demonstrated, tmp_path: Path
) -> None:
    here, log, before = tmp_path / "here", tmp_path / "up.log", processes_at(shown.home)
    here.mkdir()
    environ = {**environment(shown.model), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "ml_platform", "up"]
    with (
        log.open("w") as output,
        subprocess.Popen(command, stdout=output, stderr=output, env=environ, cwd=here) as up,
    ):
        deadline = time.monotonic() + 240
        while log.read_text().count("ready ") < 5 and time.monotonic() < deadline:
            assert up.poll() is None, log.read_text()
            time.sleep(0.5)
        ready = dict(re.findall(r"^ready    (\S.*?) +(http://\S+)$", log.read_text(), re.MULTILINE))
        asked = {"reports": "/", "service small": "/health", "status page": "/"}
        answers = {name: answer(ready.get(name, "") + path) for name, path in asked.items()}
        up.send_signal(signal.SIGTERM)
        assert up.wait(60) == 0
    text = log.read_text()
    names = {"Dagster UI", "MLflow UI", "reports", "status page", "service small"}
    assert set(ready) == names, text
    assert "died" not in text, text
    assert 'href="small/index.html"' in answers["reports"]
    assert "small" in answers["status page"]
    assert json.loads(answers["service small"])["status"] == "ok"
    assert list(here.iterdir()) == []
    assert processes_at(shown.home) <= before


def answer(url: str) -> str:
    """The body that a GET gets, or why it got none."""
    try:
        with urlopen(url, timeout=30) as reply:
            return reply.read().decode()
    except (OSError, ValueError) as error:
        return f"{url}: {error}"


def processes_at(home: Path) -> set[str]:
    """The ids of the processes whose environment names the home."""
    return {file.parent.name for file in Path("/proc").glob("[0-9]*/environ") if names(file, home)}


def names(file: Path, home: Path) -> bool:
    """Whether a file that may vanish holds the path of the home."""
    try:
        return str(home) in file.read_text(errors="replace")
    except OSError:
        return False
