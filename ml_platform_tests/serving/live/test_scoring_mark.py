"""What a candidate's code was at when its worker was ended is known to those that begin then."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ml_platform.release.plan import Plan, Stage, Step
from ml_platform.release.state import Action
from ml_platform.serving.live.scoring_mark import ScoringFile
from ml_platform.serving.live.scoring_mark import __name__ as module
from ml_platform_tests.serving.live.fakes import MODEL, FakeModel, World, loaded
from ml_platform_tests.serving.live.test_followed import ask, settled

HANG = 60.0
NOW = 10_000.0
KILLED = """
import os, signal
from pathlib import Path
from {module} import Mark, ScoringFile
file = ScoringFile(Path({folder!r}), {worker!r}, monotonic=lambda: {began})
mark = file.mark({opened})
mark.begin()
if {goes_on}:
    mark.end()
os.kill(os.getpid(), signal.SIGKILL)
"""
ALL = Plan(steps=(Step(stage=Stage.CANARY, percent=100),))


def killed(
    folder: Path, worker: str, *, opened: int = 7, began: float = NOW - HANG, goes_on: bool = False
) -> None:
    """A worker whose candidate began to score, and which was then killed."""
    program = KILLED.format(
        module=module,
        folder=str(folder),
        worker=worker,
        opened=opened,
        began=began,
        goes_on=goes_on,
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == -9, done.stderr


def ends(folder: Path, *, opened: int = 7, worker: str = "next") -> int:
    file = ScoringFile(folder, worker, monotonic=lambda: NOW)
    found = file.ends(opened, hang_seconds=HANG)
    file.close()
    return found


def test_workers_that_stood_still_over_the_candidate_are_counted_by_all_that_begin(
    tmp_path: Path,
) -> None:
    killed(tmp_path, "w1")
    assert ends(tmp_path) == 1
    killed(tmp_path, "w2")
    assert (ends(tmp_path), ends(tmp_path, worker="other")) == (2, 2)


@pytest.mark.parametrize(
    "other", [{"goes_on": True}, {"opened": 6}, {"began": NOW - 10}, {"began": NOW + 1e6}]
)
def test_a_worker_that_ended_otherwise_is_not_counted_and_forgotten(
    tmp_path: Path, other: dict[str, Any]
) -> None:
    killed(tmp_path, "w1", **other)
    assert ends(tmp_path) == 0
    assert [*tmp_path.iterdir()] == []


def test_a_worker_that_lives_is_not_counted_and_keeps_its_file(tmp_path: Path) -> None:
    living = ScoringFile(tmp_path, "w1")
    living.mark(7).begin()
    assert living.ends(7, hang_seconds=0) == 0
    assert ends(tmp_path) == 0
    assert [file.name for file in tmp_path.iterdir()] == ["w1.scoring"]
    living.close()
    assert [*tmp_path.iterdir()] == []


def test_a_disk_that_takes_no_file_costs_what_is_learned_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    blocked = ScoringFile(tmp_path / "file", "w1")
    mark = blocked.mark(7)
    mark.begin()
    mark.end()
    assert blocked.ends(7, hang_seconds=HANG) == 0
    blocked.close()
    assert "cannot be written" in caplog.text


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.versions = {version: loaded(version) for version in (1, 2)}
    world.move(Action.PROMOTE_DIRECT, 1)
    return world


@pytest.mark.parametrize("has_code", [True, False])
def test_only_code_that_may_hang_is_marked_and_only_while_it_is_waited_for(
    world: World, has_code: bool
) -> None:
    seen: list[bytes] = []

    def look(record: Any) -> None:
        seen.append((world.folder / "scoring" / "w1.scoring").read_bytes())

    world.versions[2] = loaded(2, FakeModel(look), has_code=has_code)
    follower = world.follower()
    follower.start()
    opened = world.move(Action.OPEN, 2, ALL).opened
    settled(follower)
    assert ask(world, follower, "k1")["model_version"] == "2"
    look(None)
    during, after = (int.from_bytes(each[:8], "little") for each in seen)
    assert (during, after) == (opened if has_code else 0, 0)
    follower.close()


@pytest.mark.parametrize(("hung", "is_out"), [(0, False), (1, False), (2, True), (3, True)])
def test_a_candidate_over_which_workers_were_ended_again_is_cut_out(
    world: World, hung: int, is_out: bool
) -> None:
    opened = world.move(Action.OPEN, 2, ALL).opened
    for number in range(hung):
        killed(world.folder / "scoring", f"dead-{number}", opened=opened, began=-1e6)
    follower = world.follower("w9")
    follower.start()
    settled(follower)
    assert ask(world, follower, "k1")["model_version"] == ("1" if is_out else "2")
    follower.follow()
    last = world.store.history(MODEL)[-1]
    assert (last.action is Action.CUT_OUT) == is_out
    if is_out:
        assert last.why == f"hung: {hung} workers stood still for 60 s over it, and were ended"
    follower.close()
