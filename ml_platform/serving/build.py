"""From a registered model version to a Bento in the store, whole or not at all."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml_platform.exceptions import ModelError, ServingError
from ml_platform.serving import bento_files
from ml_platform.serving.bundle import Identity
from ml_platform.spec.serving import ServingSpec
from ml_platform.training.scoring_path import ScoringPath

_NAME = re.compile(r"[a-z0-9]([-._a-z0-9]{0,61}[a-z0-9])?")
_BUILDING = ".building"

# Runs in a process of its own: BentoML loads the service to look at it, changes the working
# directory and keeps its store in globals. There the copied code is all that it can import.
_BUILD = """
import sys
import bentoml
bentoml.bentos.build_bentofile("bentofile.yaml", version=sys.argv[1], build_ctx=".")
"""


def build_bento(  # noqa: PLR0913 - all named, each a part of what the Bento holds
    *,
    model_folder: Path,
    name: str,
    version: int | str,
    contract: Mapping[str, Any],
    release: Mapping[str, Any],
    bentos: Path,
    serving: ServingSpec | None = None,
    key: str | None = None,
    model_hash: str | None = None,
    scoring: ScoringPath | None = None,
    exploration: float | None = None,
) -> str:
    """Build the Bento of a model version; return its tag, `<name>:<version>`.

    model_folder: what `Model.save` wrote.
    contract: the dump of the data contract.
    release: anything JSON about the release; text and whole numbers become labels of the Bento.
    bentos: the Bento store (BENTOML_HOME), made where it does not exist.
    serving: how it is served; the defaults unless given.
    key: the declared id, the field by which a person calls a record.
    model_hash: what the certificate says of the model; the Bento refuses to serve another.
    scoring: what was proven of the compiled path; without, it is scored by the library.
    exploration: percent of the keys whose decision is made at random; none unless given.

    A Bento of that tag with the same content is left as it is; another content replaces it. It
    appears in the store by one rename, so a build that is killed leaves nothing that is served.
    Raises ServingError when the name is no tag or BentoML refuses, ModelError for a bad model.
    """
    from filelock import FileLock

    identity = Identity(
        model=name,
        version=str(version),
        key=key,
        model_hash=model_hash,
        scoring=scoring,
        exploration=exploration,
    )
    _require_tag(name)
    _require_tag(identity.version)
    bentos = bentos.resolve()
    building = bentos / _BUILDING
    building.mkdir(parents=True, exist_ok=True)
    with FileLock(bentos / f"{_BUILDING}.lock"):
        _clear(building)
        with tempfile.TemporaryDirectory(dir=building, ignore_cleanup_errors=True) as scratch:
            context = Path(scratch) / "context"
            context.mkdir()
            bento_files.lay_out(
                context,
                identity=identity,
                model_folder=model_folder,
                contract=contract,
                release=release,
                serving=serving or ServingSpec(),
            )
            if not _has(bento_folder(bentos, name, version), like=context):
                built = _build(context, home=Path(scratch) / "home", identity=identity)
                _put(built, bentos=bentos, identity=identity, aside=Path(scratch) / "replaced")
    return f"{name}:{identity.version}"


def bento_folder(bentos: Path, name: str, version: int | str) -> Path:
    """Return where the store keeps a Bento, whether it is there or not."""
    return bentos / "bentos" / name / str(version)


def built_bento(bentos: Path, name: str, version: int | str) -> Path:
    """Return the folder of a Bento that is there. Raises ModelError when it is not."""
    folder = bento_folder(bentos, name, version)
    if not (folder / "src" / "bundle.json").is_file():
        built = sorted(bento_folder(bentos, name, ".").glob("*/src/bundle.json"))
        valid = ", ".join(f"{name}:{file.parents[1].name}" for file in built) or "none"
        raise ModelError(f"there is no Bento {name}:{version} (there are: {valid})")
    return folder


def _require_tag(text: str) -> None:
    if _NAME.fullmatch(text) is None:
        raise ServingError(
            f"{text!r} cannot name a Bento; valid: up to 63 of a-z, 0-9, '_', '-', '.', "
            "a letter or digit first and last"
        )


def _clear(building: Path) -> None:
    """Remove what killed builds left; nobody else builds, the lock is held."""
    for left in building.iterdir():
        shutil.rmtree(left, ignore_errors=True)


def _has(folder: Path, *, like: Path) -> bool:
    source = folder / "src"
    whole = (folder / "bento.yaml").is_file() and source.is_dir()
    return whole and bento_files.digest(source) == bento_files.digest(like)


def _build(context: Path, *, home: Path, identity: Identity) -> Path:
    home.mkdir()
    environment = {
        **os.environ,
        "BENTOML_HOME": str(home),
        "BENTOML_DO_NOT_TRACK": "True",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", _BUILD, identity.version],
        cwd=context,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    built = bento_folder(home, identity.model, identity.version)
    if done.returncode != 0 or not (built / "bento.yaml").is_file():
        tail = "\n".join((done.stderr or done.stdout).splitlines()[-15:])
        raise ServingError(f"BentoML could not build {identity.model}:{identity.version}:\n{tail}")
    return built


def _put(built: Path, *, bentos: Path, identity: Identity, aside: Path) -> None:
    target = bento_folder(bentos, identity.model, identity.version)
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        target.rename(aside)
    built.rename(target)
    latest = aside.with_name("latest")
    latest.write_text(identity.version)
    latest.replace(target.parent / "latest")
