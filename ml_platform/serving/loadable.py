"""Whether a version's Bento is in the store, whole and unaltered: fast, nothing is loaded."""

import json
from hashlib import file_digest, sha256
from pathlib import Path
from typing import NamedTuple

from ml_platform.release.state import ReleaseState


class WayBack(NamedTuple):
    """The version that a rollback of the champion would take first.

    problem: why it cannot be served; None where it can.
    """

    version: int
    problem: str | None

    @property
    def text(self) -> str:
        """In one line for people."""
        if self.problem is None:
            return f"version {self.version} can be put back: its files are whole"
        return f"version {self.version} cannot be put back: {self.problem}"


def way_back(bentos: Path, state: ReleaseState) -> WayBack | None:
    """Verify the version that a rollback would take; None where the champion is the first."""
    for version in state.last_good[:1]:
        return WayBack(version, problem(bentos, state.model, version))
    return None


def problem(bentos: Path, model: str, version: int) -> str | None:
    """Return why a version cannot be served; None where it can.

    Every file of the model is held against its sha256 in the manifest, and the manifest against
    the one that the release certificate is about.
    """
    source = bentos / "bentos" / model / str(version) / "src"
    if not source.is_dir():
        return f"there is no Bento {model}:{version} in {bentos}"
    folder = source / "model"
    try:
        identity = json.loads((source / "bundle.json").read_bytes())
        manifest = (folder / "model.json").read_bytes()
        files: dict[str, str] = json.loads(manifest)["files"]
        expected = identity.get("model_hash")
        if expected is not None and sha256(manifest).hexdigest() != expected:
            return f"its manifest {folder / 'model.json'} is not the certified one"
        for name, digest in files.items():
            with (folder / name).open("rb") as file:
                if file_digest(file, "sha256").hexdigest() != digest:
                    return f"{folder / name} was altered"
    except FileNotFoundError as error:
        return f"{error.filename} is missing"
    except (OSError, ValueError, KeyError, AttributeError) as error:
        return f"the Bento in {source} cannot be read: {error}"
    return None
