"""Which code made a model: git commit, hash of the code that decides its bits, environment."""

import hashlib
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import ml_platform
from ml_platform.plugins import Strict
from ml_platform.spec.load import Declaration

DECISIVE = ("features", "training", "data/splits", "task.py")
"""What decides a model's bits, below the package; a change here means a new training."""

LIBRARIES = ("numpy", "pandas", "scikit-learn", "xgboost", "xgboost-cpu")


class CodeIdentity(Strict):
    """The code behind a version.

    commit: git commit of the declaration's folder, "+dirty" when it has changes; "" without git.
    code_version: sha256 over the decisive sources of the platform and the model's own functions.
    environment: Python and library versions.
    """

    commit: str
    code_version: str
    environment: dict[str, str]


def identify(declaration: Declaration) -> CodeIdentity:
    """Tell which code a training of this declaration runs."""
    own = hashlib.sha256(_platform_code().encode())
    for file in sorted(declaration.folder.glob("*.py")):
        own.update(file.name.encode() + b"\0" + file.read_bytes())
    return CodeIdentity(
        commit=git_commit(declaration.folder),
        code_version=own.hexdigest(),
        environment=environment(),
    )


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
    root = Path(ml_platform.__file__).parent
    digest = hashlib.sha256()
    for name in DECISIVE:
        part = root / name
        for file in sorted(part.rglob("*.py")) if part.is_dir() else [part]:
            digest.update(str(file.relative_to(root)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


@cache
def environment() -> dict[str, str]:
    """The versions of Python and of the libraries that decide a model's bits."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
