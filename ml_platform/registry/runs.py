"""The runs of models in MLflow: one experiment a model, one run a Dagster run."""

import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from ml_platform.addresses import without_login
from ml_platform.registry import embedded
from ml_platform.registry.training_log import log_training
from ml_platform.registry.version import RunStatus, TrainingRows

ROOT_TAG = "ml_platform.root_run_id"
DAGSTER_TAG = "dagster_run_id"


class RunLog:
    """The runs in MLflow; makes the embedded store when it is first used.

    tracking_uri: `sqlite:////absolute/path/mlflow.db`, `postgresql://...`, or an MLflow server.
    artifacts: folder or object-store URL for artifacts; an MLflow server keeps its own.
    ui_url: where people see MLflow, for links.
    """

    def __init__(
        self, *, tracking_uri: str, artifacts: str, ui_url: str = "http://127.0.0.1:5000"
    ) -> None:
        self.tracking_uri = embedded.with_driver(tracking_uri)
        self.artifacts = artifacts
        by_server = tracking_uri.startswith("http")
        self.ui_url = without_login(tracking_uri) if by_server else ui_url
        self._file = embedded.sqlite_file(tracking_uri)

    @cached_property
    def _client(self) -> Any:
        self.prepare()
        if not self.tracking_uri.startswith("http"):
            embedded.import_sql_store()
        from mlflow.tracking import MlflowClient

        return MlflowClient(self.tracking_uri, self.tracking_uri)

    @contextmanager
    def _doing(self, what: str) -> Generator[Any, None, None]:
        embedded.import_mlflow()
        with embedded.store_errors(what, self.tracking_uri):
            yield self._client

    def prepare(self) -> None:
        """Make the embedded store unless it is there; for what reads it without us."""
        embedded.create_once(self.tracking_uri, artifacts=self.artifacts)

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
            from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

            # The client would ask the store for the run three times, and for its models.
            address = client.get_run(run_id).info.artifact_uri
            files = get_artifact_repository(address, self.tracking_uri, self.tracking_uri)
            parent = path.rpartition("/")[0] or None
            if path not in {item.path for item in files.list_artifacts(parent)}:
                return None
            with tempfile.TemporaryDirectory() as folder:
                return Path(files.download_artifacts(path, folder)).read_text("utf-8")

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
