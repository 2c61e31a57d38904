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

# Trains the declared model; with a victim, kills itself so many seconds into that step.
PROGRAM = """
import json, os, signal, sys, threading
from pathlib import Path
from ml_platform.component.run import train
from ml_platform.settings import Settings
from ml_platform.spec.load import load_declaration

file, victim, delay = sys.argv[1:]

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def progress(told):
    if told.asset == victim and told.kind == "started":
        threading.Timer(float(delay), die).start()

declaration, settings = load_declaration(Path(file)), Settings.from_environment()
outcome = train(declaration, settings=settings, progress=progress)
print(json.dumps({"success": outcome.success, "version": outcome.version, "error": outcome.error}))
"""


def start(folder: Path, victim: str = "", delay: float = 0) -> subprocess.Popen[str]:
    """Train in a process of its own."""
    command = [sys.executable, "-c", PROGRAM, str(folder / "defs.yaml"), victim, str(delay)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def outcome(process: subprocess.Popen[str]) -> dict[str, object]:
    """What the process said in its last line."""
    said, log = process.communicate(timeout=300)
    assert process.returncode == 0, log[-2000:]
    return json.loads(said.splitlines()[-1])


@pytest.mark.slow
def test_killed_in_every_step_the_next_run_completes(tmp_path: Path, settings: Settings) -> None:
    folder = small_credit(tmp_path / "small_credit").folder
    for delay, victim in enumerate(STEPS):
        killed = start(folder, victim, 0.05 + 0.3 * delay)
        killed.communicate(timeout=300)
        assert killed.returncode == -9, f"{victim} was over before the kill"
        assert_nothing_half_written(Platform(settings))
    assert outcome(start(folder))["success"] is True
    platform = Platform(settings)
    assert_nothing_half_written(platform)
    state = platform.releases.state("small_credit")
    assert state.champion == platform.registry.versions("small_credit")[0].version


def assert_nothing_half_written(platform: Platform) -> None:
    """Every snapshot and every registered version that can be seen can be read."""
    for table in ("raw_data", "validated_data"):
        for snapshot in platform.snapshots.history(f"small_credit/{table}"):
            frame = platform.snapshots.read(snapshot.table, version=snapshot.version)
            assert len(frame) == snapshot.rows
    for version in platform.registry.versions("small_credit"):
        assert version.tags["fingerprint"]


@pytest.mark.slow
def test_two_runs_at_once_both_complete_and_leave_one_champion(
    tmp_path: Path, settings: Settings
) -> None:
    folder = small_credit(tmp_path / "small_credit").folder
    outcomes = [outcome(process) for process in [start(folder), start(folder)]]
    assert [each["error"] for each in outcomes] == ["", ""]
    platform = Platform(settings)
    versions = {version.version for version in platform.registry.versions("small_credit")}
    assert {each["version"] for each in outcomes} <= versions
    assert platform.releases.state("small_credit").champion in versions
    assert_nothing_half_written(platform)
