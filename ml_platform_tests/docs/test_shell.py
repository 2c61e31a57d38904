"""Every command that the README shows is typed as it stands, in a new home, by a new user.

A line is run unless it is in `NOT_RUN`, whose reasons say what runs it instead.
"""

import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```sh\n(.*?)^```$(?:\n```json\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)
SERVICE_S = 120

NOT_RUN = {
    "make demo": "installs the package; the workflow's job `demo` runs it, twice",
    "make test": "is what runs this test",
    'export PATH="$PWD/.venv/bin:$PATH"': "the test puts the running Python's folder there",
    'export ML_PLATFORM_HOME="$PWD/.ml_platform"': "the test has a home of its own",
}


def commands() -> list[tuple[str, str]]:
    """Each line of the README's shell blocks, and the answer shown under its block, if any."""
    return [
        (re.sub(r"\s+#.*", "", line).strip(), answer)
        for block, answer in BLOCK.findall(README)
        for line in block.splitlines()
        if line.strip()
    ]


def loans(file: Path) -> None:
    """The file that the README describes."""
    rng = random.Random(7)
    lines = ["loan_id,applied_at,income,amount,years_employed,purpose,defaulted"]
    for number in range(1000):
        income, amount = rng.randint(12_000, 100_000), rng.randint(1_000, 20_000)
        late = amount / income * 4 + rng.gauss(0, 0.3) > 1
        purpose = rng.choice(["car", "house", "other"])
        day = f"2024-{1 + number // 84:02}-{1 + number % 28:02}"
        lines.append(f"{number},{day},{income},{amount},{rng.randint(0, 30)},{purpose},{late}")
    file.write_text("\n".join(lines) + "\n")


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """The environment of a user with an empty home."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    kept = {key: value for key, value in os.environ.items() if not key.startswith("DAGSTER_")}
    home = str(tmp_path / "platform")
    return {**kept, "HOME": str(tmp_path), "PATH": path, "ML_PLATFORM_HOME": home}


def test_reasons_for_leaving_out_a_command_are_about_commands_of_the_readme() -> None:
    assert NOT_RUN.keys() <= {command for command, _ in commands()}


def test_every_make_target_that_the_readme_names_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"make ([a-z-]+)", " ".join(re.findall(r"`(.*?)`", README)))) <= targets


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_demo_runs_the_command_of_that_name() -> None:
    planned = subprocess.run(
        ["make", "--dry-run", "demo"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ".venv/bin/ml-platform demo" in planned.stdout.splitlines()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_commands_of_the_readme_run_as_they_stand(tmp_path: Path, shell: dict[str, str]) -> None:
    loans(tmp_path / "loans.csv")
    service: subprocess.Popen[str] | None = None
    exports = ""
    try:
        for command, answer in commands():
            if command in NOT_RUN:
                continue
            script = f"{exports}{command}"
            if command.startswith("export "):
                exports = f"{script}\n"
            elif " serve " in command:
                service = serve(script, tmp_path, shell)
            else:
                said = run(script, tmp_path, shell)
                if answer:
                    assert shape(json.loads(said)) == shape(json.loads(answer)), command
    finally:
        if service is not None:
            service.terminate()  # a shell's background jobs ignore Ctrl-C, and hand that on
            assert service.wait(60) == 0
    assert service is not None, "the README serves no model"


def run(script: str, folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-ec", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def serve(script: str, folder: Path, environment: dict[str, str]) -> "subprocess.Popen[str]":
    """Start what goes on in another terminal, and wait for its port."""
    port = re.search(r"--port (\d+)", script)
    assert port is not None, f"{script}: without a port nobody knows where to ask"
    exports, _, command = script.rpartition("\n")
    service = subprocess.Popen(
        ["bash", "-ec", f"{exports}\nexec {command}"], cwd=folder, env=environment, text=True
    )
    health = f"curl -sf localhost:{port[1]}/health"
    deadline = time.monotonic() + SERVICE_S
    while subprocess.run(["bash", "-c", health], capture_output=True, check=False).returncode:
        assert service.poll() is None, "the service ended"
        assert time.monotonic() < deadline, "the service does not answer"
        time.sleep(0.3)
    return service


def shape(answer: object) -> object:
    """Fields and the kinds of their values: numbers and ids differ from data to data."""
    if isinstance(answer, dict):
        return {key: shape(value) for key, value in answer.items()}
    return type(answer).__name__
