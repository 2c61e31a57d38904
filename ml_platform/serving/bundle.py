"""What a Bento holds of a release, and how it becomes a service that answers.

service.py      the entry point, three lines
bundle.json     the name of the model and the version
contract.json   the data contract
serving.json    how it is served: limits, journal
release.json    who released it, from what, on what evidence
model/          the model, as `Model.save` wrote it
ml_platform/    the part of this package that serving needs
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ml_platform.data.contract import ColumnContract, Contract
from ml_platform.exceptions import ModelError
from ml_platform.feedback.exploration import explores
from ml_platform.plugins import Strict
from ml_platform.serving.counters import Counters
from ml_platform.serving.live.fixed import FixedRelease
from ml_platform.serving.predictor import Predictor
from ml_platform.serving.replies import Replies
from ml_platform.serving.scoring import predictor_of
from ml_platform.spec.serving import ServingSpec
from ml_platform.training.model import Model
from ml_platform.training.model_folder import MANIFEST
from ml_platform.training.scoring_path import ScoringPath

MODEL = "model"

_OF_A_FIELD = ("dtype", "nullable", "min", "max", "allowed", "pattern", "description")


class Identity(Strict):
    """Which version of which model a Bento is; `bundle.json`.

    key: the declared id, the field by which a person calls a record.
    model_hash: SHA-256 of the model's manifest that its certificate is about, which itself has
        that of every other file; None for a model without certificate.
    scoring: what the build proved of the compiled path; None: nothing, so it is not taken.
    exploration: percent of the keys whose decision is made at random; None: not declared.
    """

    model: str
    version: str
    key: str | None = None
    model_hash: str | None = None
    scoring: ScoringPath | None = None
    exploration: float | None = None


@dataclass(frozen=True)
class Bundle:
    """The content of a Bento, read from its folder."""

    identity: Identity
    contract: Contract
    release: dict[str, Any]
    serving: ServingSpec
    model: Model

    @classmethod
    def read(cls, folder: Path) -> "Bundle":
        """Read a folder that `write` and `Model.save` filled.

        Raises ModelError when a file is missing, damaged or not what the manifest says, or the
        manifest is not the certified one.
        """
        try:
            identity = Identity.model_validate_json(_text(folder / "bundle.json"))
            contract = Contract.model_validate_json(_text(folder / "contract.json"))
            release = json.loads(_text(folder / "release.json"))
            serving = ServingSpec.model_validate_json(_text(folder / "serving.json"))
        except ValueError as error:
            raise ModelError(f"the Bento in {folder} cannot be read: {error}") from error
        _verify(folder / MODEL, identity)
        return cls(identity, contract, release, serving, Model.load(folder / MODEL))

    def predictor(self) -> Predictor:
        """Return the predictor of this version.

        Raises ServingError when model and contract do not fit each other.
        """
        proven = self.identity.scoring
        return predictor_of(
            self.model,
            self.contract.columns,
            version=self.identity.version,
            limits=self.serving.limits,
            allowed=proven is not None and proven.path == "compiled",
        )

    def replies(self) -> Replies:
        """Return the routes of the service of this version."""
        predictor, counters, about = self.predictor(), Counters(), self.about()
        live = FixedRelease(predictor, counters, explores=self.explores())
        return Replies(
            live, about=lambda: about, counters=counters, limits=predictor.checker.limits
        )

    def explores(self) -> Callable[[str], bool] | None:
        """Return what tells of a key whether its decision is made at random; None: never."""
        if self.identity.exploration is None:
            return None
        return partial(explores, percent=self.identity.exploration, salt=self.identity.model)

    def about(self) -> dict[str, Any]:
        """Return what `GET /model` answers."""
        scoring = self.identity.scoring
        return {
            "model": self.identity.model,
            "model_version": self.identity.version,
            "task": str(self.model.task),
            "classes": list(self.model.classes),
            "scoring": scoring.model_dump(exclude={"code"}) if scoring else None,
            "fields": {
                name: {**_field(column), "needed": name in self.model.inputs}
                for name, column in self.contract.columns.items()
            },
            "exploration": self.identity.exploration,
            "release": self.release,
        }


def write(
    folder: Path,
    *,
    identity: Identity,
    contract: dict[str, Any],
    release: dict[str, Any],
    serving: ServingSpec,
) -> None:
    """Write the JSON files of a bundle, the same bytes for the same content."""
    for name, content in (
        ("bundle.json", identity.model_dump(mode="json")),
        ("contract.json", contract),
        ("release.json", release),
        ("serving.json", serving.model_dump(mode="json")),
    ):
        text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
        (folder / name).write_text(text, encoding="utf-8")


def _verify(folder: Path, identity: Identity) -> None:
    """Raises ModelError when the model is another than the certificate is about."""
    if identity.model_hash is None:
        return
    found = hashlib.sha256(_text(folder / MANIFEST).encode()).hexdigest()
    if found != identity.model_hash:
        raise ModelError(
            f"{identity.model}:{identity.version} is not served: the model in {folder} is not the "
            f"one that its certificate is about (its manifest has sha256 {found[:12]}..., the "
            f"certificate says {identity.model_hash[:12]}...)"
        )


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ModelError(f"the Bento lacks {file}: {error.strerror}") from error


def _field(column: ColumnContract) -> dict[str, Any]:
    return column.model_dump(mode="json", include=set(_OF_A_FIELD), exclude_none=True)
