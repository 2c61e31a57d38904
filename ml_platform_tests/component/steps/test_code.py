"""Which commit a model is of."""

import subprocess
from pathlib import Path

import pytest

from ml_platform.component.steps.code import git_commit


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    command = ["git", "-C", str(folder), *who, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of one of two models in a repository, as committed."""
    git(tmp_path, "init", "-q")
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "defs.yaml").write_text("a: 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path / "one"


def test_commit_is_that_of_the_repository(folder: Path) -> None:
    assert git_commit(folder) == git(folder, "rev-parse", "HEAD")


def test_uncommitted_change_of_the_folder_is_marked(folder: Path) -> None:
    (folder / "defs.yaml").write_text("a: 2\n")
    assert git_commit(folder) == f"{git(folder, 'rev-parse', 'HEAD')}+dirty"


def test_new_file_of_the_folder_is_marked(folder: Path) -> None:
    (folder / "features.py").write_text("")
    assert git_commit(folder).endswith("+dirty")


def test_change_of_another_folder_is_not_marked(folder: Path) -> None:
    (folder.parent / "other" / "defs.yaml").write_text("a: 2\n")
    assert git_commit(folder) == git(folder, "rev-parse", "HEAD")


def test_folder_outside_of_git_has_no_commit(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    assert git_commit(folder) == ""


def test_machine_without_git_has_no_commit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert git_commit(folder) == ""
