"""How a model lies on disk.

model.json      the manifest: what the model is, and the sha256 of every other file
encoder.json    the fitted feature encoder
estimator/      written by the trainer, in a format that runs no code when read
features.py     the file with the transform, where there is one
"""

import json
import shutil
from hashlib import file_digest
from pathlib import Path

from pydantic import ValidationError

from ml_platform.exceptions import ModelError
from ml_platform.features.encoder import FeatureEncoder
from ml_platform.features.spec import FeatureSpec
from ml_platform.features.transform import load_transform
from ml_platform.features.values import Category
from ml_platform.plugins import Strict
from ml_platform.task import Task
from ml_platform.training.model import Model
from ml_platform.training.trainers.trainer import TRAINERS

MANIFEST = "model.json"
ENCODER = "encoder.json"
ESTIMATOR = "estimator"
FORMAT = 1


class Manifest(Strict):
    """What model.json says; `files` maps a path below the folder to its sha256."""

    format: int
    task: Task
    classes: tuple[Category, ...]
    threshold: float
    trainer: str
    features: FeatureSpec
    inputs: dict[str, str]
    files: dict[str, str]


def save(model: Model, folder: Path, *, folder_of_declaration: Path) -> None:
    """Write `model` to `folder`. A folder without manifest is no model: it comes last.

    Raises ModelError when the folder holds files already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise ModelError(f"{folder} is not empty; a model is written to a folder of its own")
    (folder / ENCODER).write_text(model.encoder.to_json(), encoding="utf-8")
    model.estimator.save(folder / ESTIMATOR)
    code = model.features.code_file
    if code is not None:
        shutil.copyfile(folder_of_declaration / code, folder / code)
    manifest = Manifest(
        format=FORMAT,
        task=model.task,
        classes=model.classes,
        threshold=model.threshold,
        trainer=model.trainer,
        features=model.features,
        inputs=dict(model.inputs),
        files={name: _sha256(folder / name) for name in _files(folder)},
    )
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")


def load(folder: Path) -> Model:
    """Read a model; nothing of it is used before its sha256 is found right.

    Raises ModelError when a file is missing, changed, not in the manifest, or of a newer format.
    """
    manifest = read_manifest(folder)
    _verify(folder, manifest)
    return Model(
        task=manifest.task,
        classes=manifest.classes,
        features=manifest.features,
        encoder=FeatureEncoder.from_json((folder / ENCODER).read_text(encoding="utf-8")),
        estimator=TRAINERS.find(manifest.trainer).load(folder / ESTIMATOR),
        trainer=manifest.trainer,
        inputs=manifest.inputs,
        transform=load_transform(manifest.features, folder=folder),
        threshold=manifest.threshold,
    )


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest alone. Raises ModelError when there is none or it is damaged."""
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if isinstance(content, dict) and content.get("format") != FORMAT:
            raise ModelError(
                f"{folder} is a model of format {content.get('format')!r}; valid: {FORMAT}"
            )
        return Manifest.model_validate(content)
    except FileNotFoundError:
        raise ModelError(f"{folder} is no model: it has no {MANIFEST}") from None
    except (OSError, ValueError, ValidationError) as error:
        raise ModelError(f"{folder / MANIFEST} cannot be read: {error}") from error


def _verify(folder: Path, manifest: Manifest) -> None:
    code = manifest.features.code_file
    read = {ENCODER, *(name for name in _files(folder) if name.startswith(f"{ESTIMATOR}/"))}
    if code is not None:
        read.add(code)
    unlisted = sorted(read - manifest.files.keys())
    if unlisted:
        raise ModelError(f"{folder}: not in the manifest: {', '.join(unlisted)}")
    for name, expected in manifest.files.items():
        file = folder / name
        if not file.is_file():
            raise ModelError(f"{folder}: {name} is missing")
        found = _sha256(file)
        if found != expected:
            raise ModelError(
                f"{folder}: {name} was changed after training "
                f"(sha256 {found[:12]}..., the manifest says {expected[:12]}...)"
            )


def _files(folder: Path) -> list[str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in files)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()
