"""The accepted baseline: what a team decided a model must keep up with, under version control."""

import json
import os
from hashlib import sha256
from pathlib import Path

from pydantic import AwareDatetime, Field, ValidationError

from ml_platform.exceptions import DeclarationError
from ml_platform.plugins import Strict

FILE_NAME = "baseline.json"
"""Beside `defs.yaml`."""


class Costs(Strict):
    """What a version costs, as its gates measured it; None and empty where none did.

    model_bytes: of the saved model. resident_bytes: of a process that loaded it.
    p95_ms: of a call, by the records in it.
    """

    model_bytes: int | None = None
    resident_bytes: int | None = None
    p95_ms: dict[int, float] = Field(default_factory=dict)


class Baseline(Strict):
    """What a version reached that a person accepted, say less accuracy for faster inference.

    metrics: values on that version's holdout, by metric key; gates compare with them in place of
        the champion.
    slices: the same of slices, by metric key and name of the slice, such as `origin=JFK`.
    costs: what gates on cost compare with in place of the champion.
    """

    version: int = Field(ge=1)
    metrics: dict[str, float]
    slices: dict[str, dict[str, float]] = Field(default_factory=dict)
    costs: Costs = Costs()
    by: str = Field(min_length=1)
    reason: str = Field(min_length=1)
    accepted_at: AwareDatetime

    @property
    def digest(self) -> str:
        """Hash of all that it says, however its file is written (sha256, hex)."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return sha256(text.encode()).hexdigest()


def read_baseline(folder: Path) -> Baseline | None:
    """The baseline beside a declaration; None where there is none.

    Raises DeclarationError, naming the file, when it cannot be read.
    """
    file = folder / FILE_NAME
    try:
        return Baseline.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DeclarationError(f"{file}:1: cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "document"
        raise DeclarationError(
            f"{file}:1: {where}: {first['msg']}; write it with `ml-platform baseline --accept`"
        ) from error


def write_baseline(folder: Path, baseline: Baseline) -> Path:
    """Put the baseline beside a declaration, whole or not at all, and return its file."""
    file = folder / FILE_NAME
    unfinished = folder / f".{FILE_NAME}.{os.getpid()}"
    unfinished.write_text(baseline.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return unfinished.replace(file)
