"""The registry on MLflow: one experiment a model, one run a Dagster run, one version a model."""

import tempfile
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from ml_platform.exceptions import StoreError
from ml_platform.registry import embedded
from ml_platform.registry.packaging import MODEL_IN_PACKAGE, package
from ml_platform.registry.training_log import log_training
from ml_platform.registry.version import ModelVersion, RunStatus, TrainingRows, unknown_version

ROOT_TAG = "ml_platform.root_run_id"
DAGSTER_TAG = "dagster_run_id"


class ModelRegistry:
    """The registry in MLflow; makes the embedded store when it is first used.

    tracking_uri: `sqlite:////absolute/path/mlflow.db`, `postgresql://...`, or an MLflow server.
    artifacts: folder or object-store URL for artifacts; an MLflow server keeps its own.
    ui_url: where people see MLflow, for links.
    """

    def __init__(
        self, *, tracking_uri: str, artifacts: Path | str, ui_url: str = "http://127.0.0.1:5000"
    ) -> None:
        self.tracking_uri = tracking_uri
        self.artifacts = str(artifacts)
        self.ui_url = tracking_uri if tracking_uri.startswith("http") else ui_url
        self._file = embedded.sqlite_file(tracking_uri)

    @cached_property
    def _client(self) -> Any:
        embedded.create_once(self.tracking_uri, artifacts=self.artifacts)
        embedded.import_mlflow()
        from mlflow.tracking import MlflowClient

        return MlflowClient(self.tracking_uri, self.tracking_uri)

    @contextmanager
    def _doing(self, what: str) -> Generator[Any, None, None]:
        client = self._client
        with embedded.store_errors(what, embedded.without_password(self.tracking_uri)):
            yield client

    def experiment(self, model: str) -> str:
        """Return the id of the model's experiment, made when missing, at our artifact address."""
        with self._doing(f"open the experiment {model!r}") as client:
            found = client.get_experiment_by_name(model)
            if found is None:
                own = self.tracking_uri.startswith("http")
                location = None if own else f"{self.artifacts.rstrip('/')}/{model}"
                with embedded.exclusive(self._file, "experiment"):
                    found = client.get_experiment_by_name(model)
                    if found is None:
                        return str(client.create_experiment(model, artifact_location=location))
            return str(found.experiment_id)

    def open_run(
        self,
        model: str,
        *,
        dagster_run_id: str,
        root_run_id: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> str:
        """Return the run of this Dagster run; see `VersionRegistry.open_run`.

        Its tag `dagster_run_id` is what dagster-mlflow's resource looks for, so that a team's own
        assets log to the same run.
        """
        root = root_run_id or dagster_run_id
        ours = {**(tags or {}), DAGSTER_TAG: dagster_run_id, ROOT_TAG: root}
        experiment = self.experiment(model)
        with (
            self._doing(f"open a run of {model!r}") as client,
            embedded.exclusive(self._file, "run"),
        ):
            run_id = self._open_run_of(client, experiment, dagster_run_id, root)
            if run_id is None:
                name = f"{model} {dagster_run_id[:8]}"
                created = client.create_run(experiment, tags=ours, run_name=name)
                return str(created.info.run_id)
            log_training(client, run_id, params={}, metrics={}, dataset=None, tags=ours)
            client.update_run(run_id, status="RUNNING")
            return run_id

    def _open_run_of(
        self, client: Any, experiment: str, dagster_run_id: str, root: str
    ) -> str | None:
        own = client.search_runs([experiment], f"tags.{DAGSTER_TAG} = '{dagster_run_id}'")
        first = client.search_runs([experiment], f"tags.{ROOT_TAG} = '{root}'")
        unfinished = [run for run in first if run.info.status != "FINISHED"]
        return next((str(run.info.run_id) for run in [*own, *unfinished]), None)

    def log_training(
        self,
        run_id: str,
        *,
        params: Mapping[str, Any] | None = None,
        metrics: Mapping[str, float | None] | None = None,
        dataset: TrainingRows | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Log to a run in as few calls as MLflow allows; see `VersionRegistry.log_training`."""
        with self._doing(f"log to the run {run_id}") as client:
            log_training(
                client,
                run_id,
                params=params or {},
                metrics=metrics or {},
                dataset=dataset,
                tags=tags or {},
            )

    def log_artifacts(
        self, run_id: str, source: Path | Mapping[str, str], *, under: str = ""
    ) -> None:
        """Log a folder, or texts by name; see `VersionRegistry.log_artifacts`."""
        with self._doing(f"log artifacts to the run {run_id}") as client:
            if isinstance(source, Path):
                client.log_artifacts(run_id, str(source), under or None)
                return
            for name, text in source.items():
                client.log_text(run_id, text, f"{under}/{name}" if under else name)

    def read_artifact_text(self, run_id: str, path: str) -> str | None:
        """Return the text of an artifact, or None; see `VersionRegistry.read_artifact_text`."""
        with self._doing(f"read {path} of the run {run_id}") as client:
            parent = path.rpartition("/")[0] or None
            if path not in {item.path for item in client.list_artifacts(run_id, parent)}:
                return None
            with tempfile.TemporaryDirectory() as folder:
                return Path(client.download_artifacts(run_id, path, folder)).read_text("utf-8")

    def finish_run(self, run_id: str, status: RunStatus = "FINISHED") -> None:
        """Close the run."""
        with self._doing(f"finish the run {run_id}") as client:
            client.set_terminated(run_id, status, int(time.time() * 1000))

    def run_tags(self, run_id: str) -> dict[str, str]:
        """The tags of a run, those of MLflow itself aside."""
        with self._doing(f"read the run {run_id}") as client:
            tags = client.get_run(run_id).data.tags
            return {key: value for key, value in tags.items() if not key.startswith("mlflow.")}

    def run_url(self, run_id: str) -> str:
        """Where a person sees the run, in MLflow's UI."""
        with self._doing(f"read the run {run_id}") as client:
            experiment = client.get_run(run_id).info.experiment_id
        return f"{self.ui_url}/#/experiments/{experiment}/runs/{run_id}"

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
        """Register a saved model; see `VersionRegistry.register`.

        The files are stored first and the version is made last, complete with its tags: a
        process killed in between leaves no version that could be mistaken for one.
        """
        if not folder.is_dir():
            raise StoreError(f"cannot register {model!r}: there is no model folder {folder}")
        with self._doing(f"register a version of {model!r}") as client:
            logged = self._store_files(client, model, run_id, folder, input_example, output_example)
            by_server = self.tracking_uri.startswith("http")
            source = f"models:/{logged.model_id}" if by_server else logged.artifact_location
            with embedded.exclusive(self._file, "register"):
                self._ensure_registered(client, model)
                made = client.create_model_version(
                    model, source, run_id, tags=dict(tags or {}), model_id=logged.model_id
                )
            return _version(made)

    def _store_files(
        self, client: Any, model: str, run_id: str, folder: Path, inputs: Any, outputs: Any
    ) -> Any:
        from mlflow.entities import LoggedModelOutput
        from mlflow.models import Model

        logged = client.create_logged_model(
            client.get_run(run_id).info.experiment_id, name=model, source_run_id=run_id
        )
        client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
        with tempfile.TemporaryDirectory() as scratch:
            mlflow_model = Model(
                artifact_path=logged.artifact_location, run_id=run_id, model_id=logged.model_id
            )
            packaged = package(
                folder,
                Path(scratch) / "package",
                input_example=inputs,
                output_example=outputs,
                model=mlflow_model,
            )
            client.log_model_artifacts(logged.model_id, str(packaged))
        return client.finalize_logged_model(logged.model_id, "READY")

    def _ensure_registered(self, client: Any, model: str) -> None:
        from mlflow.exceptions import MlflowException

        if client.search_registered_models(f"name = '{model}'"):
            return
        try:
            client.create_registered_model(model)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def versions(self, model: str) -> list[ModelVersion]:
        """Every version of a model that is ready, the latest first."""
        return self._search(f"name = '{model}'")

    def find(self, model: str, *, fingerprint: str) -> ModelVersion | None:
        """Return the latest version with this fingerprint, or None."""
        found = self._search(f"name = '{model}' and tags.fingerprint = '{fingerprint}'")
        return found[0] if found else None

    def _search(self, wanted: str) -> list[ModelVersion]:
        with self._doing("list versions") as client:
            found = [_version(made) for made in _pages(client.search_model_versions, wanted)]
        return sorted(found, key=lambda version: version.version, reverse=True)

    def get(self, model: str, version: int) -> ModelVersion:
        """Return a version. Raises ModelError with the versions that exist."""
        versions = self.versions(model)
        for found in versions:
            if found.version == version:
                return found
        raise unknown_version(model, version, [found.version for found in versions])

    def set_tags(self, model: str, version: int, tags: Mapping[str, str]) -> None:
        """Set tags of a version, leaving the others."""
        self.get(model, version)
        with self._doing(f"tag {model}:{version}") as client:
            for key, value in tags.items():
                client.set_model_version_tag(model, str(version), key, value)

    def set_alias(self, model: str, alias: str, version: int | None) -> None:
        """Let an alias mean a version; None takes it away."""
        if version is not None:
            self.get(model, version)
        with self._doing(f"set the alias {alias!r} of {model!r}") as client:
            if version is None:
                client.delete_registered_model_alias(model, alias)
            else:
                client.set_registered_model_alias(model, alias, str(version))

    def aliases(self, model: str) -> dict[str, int]:
        """The aliases of a model and the versions that they mean."""
        with self._doing(f"read the aliases of {model!r}") as client:
            for found in client.search_registered_models(f"name = '{model}'"):
                return {alias: int(version) for alias, version in found.aliases.items()}
        return {}

    def download(self, model: str, version: int, to: Path) -> Path:
        """Copy the saved model of a version below `to` and return its folder."""
        self.get(model, version)
        to.mkdir(parents=True, exist_ok=True)
        with self._doing(f"download {model}:{version}") as client:
            from mlflow.artifacts import download_artifacts

            stored = client.get_model_version_download_uri(model, str(version))
            return Path(
                download_artifacts(
                    artifact_uri=f"{stored.rstrip('/')}/{MODEL_IN_PACKAGE}",
                    dst_path=str(to),
                    tracking_uri=self.tracking_uri,
                    registry_uri=self.tracking_uri,
                )
            )


def _pages(search: Any, wanted: str) -> Iterator[Any]:
    page = search(wanted, max_results=1000)
    yield from page
    while page.token:
        page = search(wanted, max_results=1000, page_token=page.token)
        yield from page


def _version(made: Any) -> ModelVersion:
    return ModelVersion(
        name=made.name, version=int(made.version), run_id=made.run_id or "", tags=dict(made.tags)
    )
