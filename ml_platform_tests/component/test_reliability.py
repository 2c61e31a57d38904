"""Killed in the middle, two at once: the next run completes and nothing half-written is read."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ml_platform.component.platform import Platform
from ml_platform.settings import Settings
from ml_platform_tests.component.running import small_credit

STEPS = ("raw_data", "validated_data", "trained_model", "evaluation_report", "deployed_bento")

# Trains the declared model in children of one process, which has imported what they need: once for
# every victim, which kills itself some seconds into that step, once to the end, and then, in a home
# that is empty, twice at the same time.
PROGRAM = """
import json, os, signal, sys, threading
from pathlib import Path
import pandera, xgboost
from ml_platform.component.run import train
from ml_platform.registry.embedded import import_sql_store
from ml_platform.settings import Settings
from ml_platform.spec.load import load_declaration

file, *victims = sys.argv[1:]
declaration, settings = load_declaration(Path(file)), Settings.from_environment()
import_sql_store()

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def told(victim, delay):
    def progress(told):
        if told.asset == victim and told.kind == "started":
            threading.Timer(delay, die).start()
    return progress

for number, victim in enumerate(victims):
    child = os.fork()
    if not child:
        train(declaration, settings=settings, progress=told(victim, 0.05 + 0.3 * number))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    print(json.dumps({"victim": victim, "signal": os.WTERMSIG(status)}), flush=True)
    sys.stdin.readline()

def trained():
    child = os.fork()
    if not child:
        done = train(declaration, settings=Settings.from_environment())
        told = {"success": done.success, "version": done.version, "error": done.error}
        print(json.dumps(told), flush=True)
        os._exit(0)
    return child

os.waitpid(trained(), 0)
os.environ["ML_PLATFORM_HOME"] += "_of_two"
for child in [trained(), trained()]:
    os.waitpid(child, 0)
"""


def start(folder: Path, *victims: str) -> subprocess.Popen[str]:
    """Train in a process of its own."""
    command = [sys.executable, "-c", PROGRAM, str(folder / "defs.yaml"), *victims]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def outcomes(process: subprocess.Popen[str]) -> list[dict[str, object]]:
    """What its trainings to the end said."""
    said, log = process.communicate(timeout=300)
    assert process.returncode == 0, log[-2000:]
    return [json.loads(line) for line in said.splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return small_credit(tmp_path / "small_credit").folder


@pytest.mark.slow
def test_killed_in_every_step_the_next_run_completes_and_so_do_two_at_once(
    folder: Path, settings: Settings
) -> None:
    process, platform = start(folder, *STEPS), Platform(settings)
    assert process.stdin
    assert process.stdout
    for victim in STEPS:
        killed = json.loads(process.stdout.readline())
        assert killed == {"victim": victim, "signal": 9}, f"{victim} was over before the kill"
        assert_nothing_half_written(platform)
        process.stdin.write("go on\n")
        process.stdin.flush()
    alone, *both = outcomes(process)
    assert (alone["success"], alone["error"]) == (True, "")
    assert_nothing_half_written(platform)
    state = platform.releases.state("small_credit")
    assert state.champion == platform.registry.versions("small_credit")[0].version
    assert_two_at_once_leave_one_champion(settings, both)


def assert_two_at_once_leave_one_champion(
    settings: Settings, outcomes: list[dict[str, object]]
) -> None:
    """In the home that was empty when both began."""
    assert [each["error"] for each in outcomes] == ["", ""]
    home = {"ML_PLATFORM_HOME": f"{settings.home}_of_two"}
    platform = Platform(Settings.from_environment(home))
    versions = {version.version for version in platform.registry.versions("small_credit")}
    assert {each["version"] for each in outcomes} <= versions
    assert platform.releases.state("small_credit").champion in versions
    assert_nothing_half_written(platform)


def assert_nothing_half_written(platform: Platform) -> None:
    """Every snapshot and every registered version that can be seen can be read."""
    for table in ("raw_data", "validated_data"):
        for snapshot in platform.snapshots.history(f"small_credit/{table}"):
            frame = platform.snapshots.read(snapshot.table, version=snapshot.version)
            assert len(frame) == snapshot.rows
    for version in platform.registry.versions("small_credit"):
        assert version.tags["fingerprint"]
