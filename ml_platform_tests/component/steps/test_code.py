"""Which code a model is of."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_platform import plugins
from ml_platform.component.steps.code import (
    LIBRARIES,
    CodeIdentity,
    environment,
    git_commit,
    identify,
)
from ml_platform.spec.load import load_declaration
from ml_platform.spec.recipe import Recipe, declaration_json
from ml_platform_tests.spec.declarations import VALID, write


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


TRAINER = """
from ml_platform.training.trainers.xgboost import XGBoost

class Boosted(XGBoost):
    pass
"""
SPLITTER = """
from ml_platform.data.splits.random import Random

class Sundays(Random):
    pass
"""


def installed(site: Path, *, trainer: str, splitter: str) -> None:
    """Put acme-trainers and acme-splits of these versions below `site`, in place of others."""
    modules = {"acme_trainers": (trainer, TRAINER), "acme_splits": (splitter, SPLITTER)}
    for module, (version, code) in modules.items():
        (site / f"{module}.py").write_text(code)
        about = site / f"{module}.dist-info"
        about.mkdir(exist_ok=True)
        name = module.replace("_", "-")
        (about / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        (about / "top_level.txt").write_text(module)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the import path, and none of its modules imported."""
    for module in ("acme_trainers", "acme_splits"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    (tmp_path / "site").mkdir()
    monkeypatch.syspath_prepend(tmp_path / "site")
    plugins._packages.cache_clear()
    yield tmp_path / "site"
    plugins._packages.cache_clear()


def of_acme(folder: Path) -> CodeIdentity:
    text = VALID.replace("type: xgboost", "type: acme_trainers:Boosted")
    text = text.replace("type: time_ordered", "type: acme_splits:Sundays")
    return identify(load_declaration(write(folder, text)))


def test_package_of_a_trainer_and_a_splitter_is_part_of_the_environment(
    site: Path, tmp_path: Path
) -> None:
    installed(site, trainer="1.0", splitter="4")
    then = of_acme(tmp_path)
    assert (then.environment["acme-trainers"], then.environment["acme-splits"]) == ("1.0", "4")
    installed(site, trainer="2.0", splitter="4")
    now = of_acme(tmp_path)
    assert then.environment | {"acme-trainers": "2.0"} == now.environment
    spec = load_declaration(tmp_path / "defs.yaml").spec
    assert environment(Recipe.read(declaration_json(spec))) == now.environment


@pytest.mark.parametrize("module", ["acme_trainers", "acme_splits"])
def test_changed_module_of_a_trainer_or_a_splitter_is_another_code_version(
    site: Path, tmp_path: Path, module: str
) -> None:
    installed(site, trainer="1.0", splitter="4")
    then = of_acme(tmp_path)
    assert of_acme(tmp_path) == then
    (site / f"{module}.py").write_text(TRAINER + SPLITTER + "# mended")
    assert of_acme(tmp_path).code_version != then.code_version


def test_shipped_plugins_bring_no_package(tmp_path: Path) -> None:
    found = identify(load_declaration(write(tmp_path))).environment
    assert found.keys() <= {"python", *LIBRARIES}
    assert {"numpy", "scikit-learn", "scipy", "skops"} <= found.keys()
