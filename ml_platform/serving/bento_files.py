"""The folder that a Bento is built from: model, contract, release, and the code to serve them."""

import hashlib
import platform
import shutil
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from ml_platform.exceptions import ServingError
from ml_platform.serving import bundle
from ml_platform.spec.serving import ServingSpec
from ml_platform.training.model_folder import read_manifest
from ml_platform.training.trainers.trainer import TRAINERS

PACKAGE = Path(__file__).parents[1]

SERVED_CODE = (
    "__init__.py",
    "clock.py",
    "exceptions.py",
    "plugins.py",
    "functions.py",
    "imports.py",
    "task.py",
    "data/__init__.py",
    "data/contract.py",
    "data/duration.py",
    "data/expression.py",
    "data/remote.py",
    "features",
    "feedback/__init__.py",
    "feedback/exploration.py",
    "release/__init__.py",
    "release/evidence.py",
    "training",
    "serving",
    "spec/__init__.py",
    "spec/serving.py",
)
"""What of this package a Bento holds; a test starts one with nothing else at hand."""

NOT_SERVED = frozenset(
    {
        "batch.py",
        "batch_input.py",
        "batch_output.py",
        "bento_files.py",
        "build.py",
        "leash.py",
        "process.py",
        "client_records.py",
        "loadable.py",
        "examples.py",
        "roll_back.py",
        "smoke.py",
    }
)

_ALWAYS = (
    "bentoml", "fsspec", "httptools", "numpy", "orjson", "pandas", "prometheus-client",
    "pydantic", "starlette", "uvicorn", "uvloop",
)  # fmt: skip
_OF_TRAINER = {"xgboost": ("xgboost-cpu", "scipy"), "sklearn": ("scikit-learn", "scipy", "skops")}
_INSTALLED_AS = {"xgboost-cpu": "xgboost"}
_BUILT = frozenset({"bentofile.yaml"})

_ENTRY = '''"""The entry point of this Bento."""

from pathlib import Path

from ml_platform.serving.service import bento_service

service = bento_service(Path(__file__).parent, name={name!r})
'''


def lay_out(
    folder: Path,
    *,
    identity: bundle.Identity,
    model_folder: Path,
    contract: Mapping[str, Any],
    release: Mapping[str, Any],
    serving: ServingSpec,
) -> None:
    """Fill an empty folder with all that the Bento holds, and the `bentofile.yaml` to build it.

    Raises ModelError when `model_folder` holds no model, ServingError when its trainer is of no
    package that an image could install.
    """
    fast = identity.scoring is not None and identity.scoring.path == "compiled"
    required = requirements(read_manifest(model_folder).trainer, compiled=fast)
    shutil.copytree(model_folder, folder / bundle.MODEL)
    bundle.write(
        folder,
        identity=identity,
        contract=dict(contract),
        release=dict(release),
        serving=serving,
    )
    (folder / "service.py").write_text(_ENTRY.format(name=identity.model), encoding="utf-8")
    _copy_code(folder / PACKAGE.name)
    (folder / "requirements.txt").write_text("".join(f"{line}\n" for line in required))
    (folder / "README.md").write_text(_readme(identity, release), encoding="utf-8")
    bentofile = _bentofile(identity, release, required)
    (folder / "bentofile.yaml").write_text(yaml.safe_dump(bentofile, allow_unicode=True))


def digest(folder: Path) -> str:
    """Return the SHA-256 of a laid out folder; the same for the `src` of the Bento built of it."""
    total = hashlib.sha256()
    for file in sorted(_content(folder)):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        total.update(f"{file.relative_to(folder).as_posix()}\0{content}\n".encode())
    return total.hexdigest()


def requirements(trainer: str, *, compiled: bool = False) -> list[str]:
    """Return what the image installs, pinned to the versions that the model was trained with.

    compiled: whether the compiled path may score it, which needs numba.

    xgboost is required as `xgboost-cpu`, which lacks 300 MB of libraries for GPUs. A trainer of
    another package brings that package; it gets the libraries of the shipped trainers too.
    """
    of_trainer = _OF_TRAINER.get(trainer) or (_package_of(trainer), *sum(_OF_TRAINER.values(), ()))
    names = sorted({*_ALWAYS, *of_trainer, *(("numba",) if compiled else ())})
    return [f"{name}=={version(_INSTALLED_AS.get(name, name))}" for name in names]


def _package_of(trainer: str) -> str:
    found = TRAINERS.package_of(trainer)
    if found is None:
        raise ServingError(
            f"trainer {trainer!r} belongs to no installed package, so a Bento cannot require it; "
            "install it as a package"
        )
    return found


def _copy_code(target: Path) -> None:
    for part in SERVED_CODE:
        for source in _sources(PACKAGE / part):
            if source.parent == PACKAGE / "serving" and source.name in NOT_SERVED:
                continue
            copy = target / source.relative_to(PACKAGE)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)


def _sources(part: Path) -> Iterable[Path]:
    if not part.is_dir():
        return (part,)
    return (file for file in part.rglob("*") if file.suffix in (".py", ".html"))


def _content(folder: Path) -> Iterator[Path]:
    for file in folder.rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts and file.name not in _BUILT:
            yield file


def _bentofile(
    identity: bundle.Identity, release: Mapping[str, Any], required: list[str]
) -> dict[str, Any]:
    """Packages are listed, not in a file: BentoML reads none below a hidden folder."""
    labels = {key: str(value) for key, value in release.items() if isinstance(value, str | int)}
    return {
        "service": "service:service",
        "name": identity.model,
        "labels": labels | {"model": identity.model, "model_version": identity.version},
        "envs": [{"name": "BENTOML_DO_NOT_TRACK", "value": "True"}],
        "include": ["*"],
        "exclude": ["__pycache__/"],
        "python": {"packages": required, "lock_packages": False},
        "docker": {"python_version": platform.python_version().rpartition(".")[0]},
    }


def _readme(identity: bundle.Identity, release: Mapping[str, Any]) -> str:
    facts = [f"- {key}: {value}" for key, value in release.items() if isinstance(value, str | int)]
    lines = [
        f"# {identity.model}:{identity.version}",
        "",
        f"`bentoml serve {identity.model}:{identity.version}` answers `GET /health`, "
        "`POST /predict`, `POST /predict-batch` and `GET /model`.",
        "",
        *facts,
    ]
    return "\n".join(lines) + "\n"
