"""What a Bento holds of a release, and how it becomes a service that answers.

service.py      the entry point, three lines
bundle.json     the name of the model and the version
contract.json   the data contract
release.json    who released it, from what, on what evidence
model/          the model, as `Model.save` wrote it
ml_platform/    the part of this package that serving needs
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_platform.data.contract import ColumnContract, Contract
from ml_platform.exceptions import ModelError
from ml_platform.plugins import Strict
from ml_platform.serving.counters import Counters
from ml_platform.serving.live.fixed import FixedRelease
from ml_platform.serving.predictor import Predictor
from ml_platform.serving.records import RecordChecker
from ml_platform.serving.replies import Replies
from ml_platform.training.model import Model

MODEL = "model"

_OF_A_FIELD = ("dtype", "nullable", "min", "max", "allowed", "pattern", "description")


class Identity(Strict):
    """Which version of which model a Bento is; `bundle.json`."""

    model: str
    version: str


@dataclass(frozen=True)
class Bundle:
    """The content of a Bento, read from its folder."""

    identity: Identity
    contract: Contract
    release: dict[str, Any]
    model: Model

    @classmethod
    def read(cls, folder: Path) -> "Bundle":
        """Read a folder that `write` and `Model.save` filled.

        Raises ModelError when a file is missing, damaged or not what the manifest says.
        """
        try:
            identity = Identity.model_validate_json(_text(folder / "bundle.json"))
            contract = Contract.model_validate_json(_text(folder / "contract.json"))
            release = json.loads(_text(folder / "release.json"))
        except ValueError as error:
            raise ModelError(f"the Bento in {folder} cannot be read: {error}") from error
        return cls(identity, contract, release, Model.load(folder / MODEL))

    def predictor(self) -> Predictor:
        """Return the predictor of this version.

        Raises ServingError when model and contract do not fit each other.
        """
        checker = RecordChecker(self.contract.columns, self.model.inputs)
        return Predictor(self.model, checker, version=self.identity.version)

    def replies(self) -> Replies:
        """Return the routes of the service of this version."""
        predictor, counters, about = self.predictor(), Counters(), self.about()
        live = FixedRelease(predictor, counters)
        return Replies(
            live, about=lambda: about, counters=counters, limits=predictor.checker.limits
        )

    def about(self) -> dict[str, Any]:
        """Return what `GET /model` answers."""
        return {
            "model": self.identity.model,
            "model_version": self.identity.version,
            "task": str(self.model.task),
            "classes": list(self.model.classes),
            "fields": {
                name: {**_field(column), "needed": name in self.model.inputs}
                for name, column in self.contract.columns.items()
            },
            "release": self.release,
        }


def write(
    folder: Path, *, identity: Identity, contract: dict[str, Any], release: dict[str, Any]
) -> None:
    """Write the JSON files of a bundle, the same bytes for the same content."""
    for name, content in (
        ("bundle.json", identity.model_dump(mode="json")),
        ("contract.json", contract),
        ("release.json", release),
    ):
        text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
        (folder / name).write_text(text, encoding="utf-8")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ModelError(f"the Bento lacks {file}: {error.strerror}") from error


def _field(column: ColumnContract) -> dict[str, Any]:
    return column.model_dump(mode="json", include=set(_OF_A_FIELD), exclude_none=True)
