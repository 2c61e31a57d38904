"""What the registry hands out and takes in: small values, the same for both of its twins."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import pandas as pd
from pydantic import Field

from ml_platform.exceptions import ModelError
from ml_platform.plugins import Strict

RunStatus = Literal["FINISHED", "FAILED", "KILLED"]


class ModelVersion(Strict):
    """One registered version of a model.

    version: 1, 2, 3 ... in the order of registration.
    run_id: the MLflow run that made it.
    tags: what is known about it: fingerprint, owner, snapshot, git commit and so on.
    """

    name: str
    version: int
    run_id: str
    tags: dict[str, str] = Field(default={})

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"


class TrainingRows(Strict):
    """The rows that a run was trained on: their snapshot, its content hash and its size."""

    name: str
    hash: str
    rows: int


class VersionRegistry(Protocol):
    """Runs and versions of models. Raises StoreError when the store is away or refuses."""

    def open_run(
        self,
        model: str,
        *,
        dagster_run_id: str,
        root_run_id: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> str:
        """Return the id of the one run of this model in this Dagster run, made when missing.

        root_run_id: the Dagster run that this one retries; its run is gone on with unless it
        had finished well.
        """
        ...

    def log_training(
        self,
        run_id: str,
        *,
        params: Mapping[str, Any] | None = None,
        metrics: Mapping[str, float | None] | None = None,
        dataset: TrainingRows | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Log to a run; a metric of None was not measurable and is left out."""
        ...

    def log_artifacts(
        self, run_id: str, source: Path | Mapping[str, str], *, under: str = ""
    ) -> None:
        """Log a folder, or texts by their file names, below the path `under` of the run."""
        ...

    def read_artifact_text(self, run_id: str, path: str) -> str | None:
        """Return the text of a run's artifact; None when there is none of that path."""
        ...

    def finish_run(self, run_id: str, status: RunStatus = "FINISHED") -> None:
        """Close the run."""
        ...

    def run_tags(self, run_id: str) -> dict[str, str]:
        """The tags of a run, those of MLflow itself aside."""
        ...

    def run_url(self, run_id: str) -> str:
        """Where a person sees the run."""
        ...

    def register(
        self,
        model: str,
        *,
        run_id: str,
        folder: Path,
        input_example: pd.DataFrame,
        output_example: Any,
        tags: Mapping[str, str] | None = None,
    ) -> ModelVersion:
        """Register the saved model in `folder` as the next version, with its tags, in one step.

        input_example: raw rows `(n, columns)` as the model takes them; output_example: its scores
        of them. Both only give the signature.
        """
        ...

    def get(self, model: str, version: int) -> ModelVersion:
        """Return a version. Raises ModelError with the versions that exist."""
        ...

    def versions(self, model: str) -> list[ModelVersion]:
        """Every version of a model, the latest first; empty for an unknown model."""
        ...

    def find(self, model: str, *, fingerprint: str) -> ModelVersion | None:
        """Return the latest version whose tag `fingerprint` is this one."""
        ...

    def set_tags(self, model: str, version: int, tags: Mapping[str, str]) -> None:
        """Set tags of a version, leaving the others."""
        ...

    def set_alias(self, model: str, alias: str, version: int | None) -> None:
        """Let an alias such as `champion` mean a version; None takes the alias away."""
        ...

    def aliases(self, model: str) -> dict[str, int]:
        """The aliases of a model and the versions that they mean."""
        ...

    def download(self, model: str, version: int, to: Path) -> Path:
        """Put the saved model of a version in the folder `to` and return the model's folder."""
        ...


def unknown_version(model: str, version: int, existing: Sequence[int]) -> ModelError:
    """The error for a version that is not there, with those that are."""
    found = ", ".join(map(str, sorted(existing))) or "none, nothing was registered yet"
    return ModelError(f"{model} has no version {version} (registered versions: {found})")
