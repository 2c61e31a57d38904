"""The in-memory twin of the registry; only model files lie on disk, in a folder of its own."""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from ml_platform.exceptions import StoreError
from ml_platform.registry.version import ModelVersion, RunStatus, TrainingRows, unknown_version


@dataclass
class InMemoryRun:
    """What was logged to a run, for a test to look at."""

    model: str
    dagster_run_id: str
    root_run_id: str
    status: str = "RUNNING"
    tags: dict[str, str] = field(default_factory=dict[str, str])
    params: dict[str, Any] = field(default_factory=dict[str, Any])
    metrics: dict[str, float] = field(default_factory=dict[str, float])
    artifacts: dict[str, bytes] = field(default_factory=dict[str, bytes])
    dataset: TrainingRows | None = None


class InMemoryRegistry:
    """A registry for tests and dry runs; forgotten, files included, with the object."""

    def __init__(self) -> None:
        self.runs: dict[str, InMemoryRun] = {}
        self._versions: dict[str, list[ModelVersion]] = {}
        self._aliases: dict[str, dict[str, int]] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def open_run(
        self,
        model: str,
        *,
        dagster_run_id: str,
        root_run_id: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> str:
        """Return the run of this Dagster run, or the unfinished one that it retries."""
        root = root_run_id or dagster_run_id
        run_id = self._run_of(model, dagster_run_id, root)
        if run_id is None:
            run_id = f"run-{len(self.runs) + 1}"
            self.runs[run_id] = InMemoryRun(model, dagster_run_id, root)
        run = self.runs[run_id]
        run.dagster_run_id, run.status = dagster_run_id, "RUNNING"
        run.tags |= {
            **(tags or {}),
            "dagster_run_id": dagster_run_id,
            "ml_platform.root_run_id": root,
        }
        return run_id

    def _run_of(self, model: str, dagster_run_id: str, root: str) -> str | None:
        runs = {run_id: run for run_id, run in self.runs.items() if run.model == model}
        own = [key for key, run in runs.items() if run.dagster_run_id == dagster_run_id]
        unfinished = [
            key for key, run in runs.items() if run.root_run_id == root and run.status != "FINISHED"
        ]
        return next(iter([*own, *unfinished]), None)

    def _run(self, run_id: str) -> InMemoryRun:
        if run_id not in self.runs:
            raise StoreError(f"there is no run {run_id!r} (runs: {', '.join(self.runs) or 'none'})")
        return self.runs[run_id]

    def log_training(
        self,
        run_id: str,
        *,
        params: Mapping[str, Any] | None = None,
        metrics: Mapping[str, float | None] | None = None,
        dataset: TrainingRows | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Log to a run; a metric of None is left out."""
        run = self._run(run_id)
        run.params |= params or {}
        run.metrics |= {key: value for key, value in (metrics or {}).items() if value is not None}
        run.tags |= tags or {}
        run.dataset = dataset or run.dataset

    def log_artifacts(
        self, run_id: str, source: Path | Mapping[str, str], *, under: str = ""
    ) -> None:
        """Log a folder, or texts by their file names, below the path `under`."""
        if isinstance(source, Path):
            files = [file for file in source.rglob("*") if file.is_file()]
            found = {file.relative_to(source).as_posix(): file.read_bytes() for file in files}
        else:
            found = {name: text.encode() for name, text in source.items()}
        prefix = f"{under}/" if under else ""
        self._run(run_id).artifacts |= {f"{prefix}{name}": body for name, body in found.items()}

    def read_artifact_text(self, run_id: str, path: str) -> str | None:
        """Return the text of a run's artifact, or None."""
        body = self._run(run_id).artifacts.get(path)
        return None if body is None else body.decode()

    def finish_run(self, run_id: str, status: RunStatus = "FINISHED") -> None:
        """Close the run."""
        self._run(run_id).status = status

    def run_tags(self, run_id: str) -> dict[str, str]:
        """The tags of a run."""
        return dict(self._run(run_id).tags)

    def run_url(self, run_id: str) -> str:
        """A link to nowhere, of the form that the real one has."""
        return f"memory:/#/experiments/{self._run(run_id).model}/runs/{run_id}"

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
        """Register a saved model; the examples are not kept."""
        del input_example, output_example
        self._run(run_id)
        if not folder.is_dir():
            raise StoreError(f"cannot register {model!r}: there is no model folder {folder}")
        number = len(self._versions.get(model, [])) + 1
        shutil.copytree(folder, self._files(model, number))
        made = ModelVersion(name=model, version=number, run_id=run_id, tags=dict(tags or {}))
        self._versions.setdefault(model, []).append(made)
        return made

    def _files(self, model: str, version: int) -> Path:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(
                prefix="ml_platform_registry_", ignore_cleanup_errors=True
            )
        return Path(self._folder.name) / model / str(version)

    def close(self) -> None:
        """Remove the model files."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def versions(self, model: str) -> list[ModelVersion]:
        """Every version of a model, the latest first."""
        return list(reversed(self._versions.get(model, [])))

    def find(self, model: str, *, fingerprint: str) -> ModelVersion | None:
        """Return the latest version with this fingerprint, or None."""
        same = (v for v in self.versions(model) if v.tags.get("fingerprint") == fingerprint)
        return next(same, None)

    def get(self, model: str, version: int) -> ModelVersion:
        """Return a version. Raises ModelError with the versions that exist."""
        for found in self._versions.get(model, []):
            if found.version == version:
                return found
        raise unknown_version(model, version, [v.version for v in self.versions(model)])

    def set_tags(self, model: str, version: int, tags: Mapping[str, str]) -> None:
        """Set tags of a version, leaving the others."""
        found = self.get(model, version)
        changed = found.model_copy(update={"tags": {**found.tags, **tags}})
        self._versions[model][version - 1] = changed

    def set_alias(self, model: str, alias: str, version: int | None) -> None:
        """Let an alias mean a version; None takes it away."""
        if version is None:
            self._aliases.get(model, {}).pop(alias, None)
        else:
            self._aliases.setdefault(model, {})[alias] = self.get(model, version).version

    def aliases(self, model: str) -> dict[str, int]:
        """The aliases of a model and the versions that they mean."""
        return dict(self._aliases.get(model, {}))

    def download(self, model: str, version: int, to: Path) -> Path:
        """Copy the saved model of a version below `to` and return its folder."""
        self.get(model, version)
        return Path(shutil.copytree(self._files(model, version), to / "model", dirs_exist_ok=True))
