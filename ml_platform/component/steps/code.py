"""Which code made a model: git commit, hash of the code that decides its bits, environment."""

import hashlib
import inspect
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import ml_platform
from ml_platform.data.splits.splitter import SPLITTERS
from ml_platform.plugins import Strict
from ml_platform.spec.load import Declaration
from ml_platform.spec.model import ModelSpec
from ml_platform.spec.recipe import Recipe
from ml_platform.training.trainers.trainer import TRAINERS

ROOT = Path(ml_platform.__file__).parent
DECISIVE = ("features", "training", "data/splits", "task.py")
"""What decides a model's bits, below the package; a change here means a new training."""

LIBRARIES = ("numpy", "pandas", "scikit-learn", "scipy", "skops", "xgboost", "xgboost-cpu")


class CodeIdentity(Strict):
    """The code behind a version.

    commit: git commit of the declaration's folder, "+dirty" when it has changes; "" without git.
    code_version: sha256 over the decisive sources of the platform, the model's own functions, and
    the modules of a trainer and a splitter that are not shipped.
    environment: versions of Python, of libraries, and of the packages whose plugins it names.
    """

    commit: str
    code_version: str
    environment: dict[str, str]


def identify(declaration: Declaration) -> CodeIdentity:
    """Tell which code a training of this declaration runs."""
    own = hashlib.sha256(_platform_code().encode())
    for file in (*sorted(declaration.folder.glob("*.py")), *_modules_of_others(declaration.spec)):
        own.update(file.name.encode() + b"\0" + file.read_bytes())
    return CodeIdentity(
        commit=git_commit(declaration.folder),
        code_version=own.hexdigest(),
        environment=environment(declaration.spec),
    )


def _modules_of_others(spec: ModelSpec) -> list[Path]:
    files = {Path(inspect.getfile(type(plugin))) for plugin in (spec.training, spec.split)}
    return sorted(file for file in files if file.is_file() and not file.is_relative_to(ROOT))


def git_commit(folder: Path) -> str:
    """The commit that `folder` is at, marked when it holds uncommitted changes; "" without git."""
    try:
        head = _git(folder, "rev-parse", "HEAD")
        dirty = _git(folder, "status", "--porcelain", "--", ".")
    except (OSError, subprocess.SubprocessError):
        return ""
    return f"{head}+dirty" if dirty else head


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    return done.stdout.strip()


@cache
def _platform_code() -> str:
    digest = hashlib.sha256()
    for name in DECISIVE:
        part = ROOT / name
        for file in sorted(part.rglob("*.py")) if part.is_dir() else [part]:
            digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def environment(declared: ModelSpec | Recipe) -> dict[str, str]:
    """The versions of all that decides a model's bits and is installed.

    Python, the libraries, and the packages of others that its trainer and its splitter are of.
    """
    offered = (
        TRAINERS.package_of(declared.training.type),
        SPLITTERS.package_of(declared.split.type),
    )
    return _libraries() | {package: version(package) for package in offered if package is not None}


@cache
def _libraries() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
