import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from ml_platform.cli.cores import cores_at_hand
from ml_platform.cli.main import main
from ml_platform.exceptions import ServiceUnavailable


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


def machine(root: Path, groups: str, **files: str) -> Path:
    """A machine with a process in these control groups; files of them, by path."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(groups)
    for name, content in files.items():
        file = root / f"sys/fs/cgroup/{name}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return root


def test_cores_are_those_that_the_process_may_run_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cores_at_hand(root=tmp_path) == 8
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5})
    assert cores_at_hand(root=tmp_path) == 2


def test_where_nothing_tells_of_the_scheduler_they_are_those_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert cores_at_hand(root=tmp_path) == 5


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("max 100000", 8), ("200000 100000\n", 2), ("250000 100000", 2), ("50000 100000", 1),
     ("1600000 100000", 8)],
)  # fmt: skip
@pytest.mark.parametrize("place", ["", "pods/one"])
def test_quota_of_the_group_bounds_them(tmp_path: Path, quota: str, cores: int, place: str) -> None:
    root = machine(tmp_path, f"0::/{place}\n", **{f"{place}/cpu.max": quota})
    assert cores_at_hand(root=root) == cores


def test_quota_of_a_group_around_it_bounds_them_too(tmp_path: Path) -> None:
    files = {"pods/cpu.max": "300000 100000", "pods/one/cpu.max": "max 100000"}
    assert cores_at_hand(root=machine(tmp_path, "0::/pods/one\n", **files)) == 3


@pytest.mark.parametrize(("quota", "cores"), [("-1", 8), ("400000", 4)])
def test_quota_of_the_first_version_of_control_groups(
    tmp_path: Path, quota: str, cores: int
) -> None:
    groups = "5:memory:/m\n4:cpu,cpuacct:/docker/name-that-is-not-there\n"
    files = {"cpu/cpu.cfs_quota_us": quota, "cpu/cpu.cfs_period_us": "100000\n"}
    assert cores_at_hand(root=machine(tmp_path, groups, **files)) == cores


@pytest.mark.parametrize(("declared", "workers"), [(None, 3), (5, 5)])
def test_a_service_has_a_worker_for_each_unless_declared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, declared: int | None, workers: int
) -> None:
    asked: list[int] = []

    def service(*_: object, workers: int, **__: object) -> None:
        asked.append(workers)
        raise ServiceUnavailable("it is not started here")

    monkeypatch.setenv("ML_PLATFORM_HOME", str(tmp_path))
    monkeypatch.setattr("ml_platform.serving.live_process.LiveServiceProcess", service)
    monkeypatch.setattr("ml_platform.cli.serve.declared_workers", lambda *_: declared)
    monkeypatch.setattr("ml_platform.cli.serve.cores_at_hand", lambda: 3)

    assert CliRunner().invoke(main, ["serve", "flights"]).exit_code != 0
    assert asked == [workers]
