"""The classes of a version, in the order of its scores."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ml_platform.component.platform import Platform
from ml_platform.serving.build import bento_folder
from ml_platform.serving.bundle import MODEL
from ml_platform.spec.load import Declaration
from ml_platform.training.model_folder import MANIFEST, read_manifest


def classes_of(declaration: Declaration, platform: Platform, version: int) -> tuple[Any, ...]:
    """The classes of a version in their order: of its Bento, else of the registry.

    Its manifest tells them: no model is loaded. Raises ModelError.
    """
    name = declaration.spec.name
    built = bento_folder(platform.settings.bentos, name, version) / "src" / MODEL
    if (built / MANIFEST).is_file():
        return read_manifest(built).classes
    with TemporaryDirectory() as temporary:
        return read_manifest(platform.registry.download(name, version, Path(temporary))).classes
