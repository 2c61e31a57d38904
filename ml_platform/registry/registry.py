"""The registry of model versions in MLflow, on top of their runs."""

import tempfile
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ml_platform.exceptions import StoreError
from ml_platform.registry import embedded
from ml_platform.registry.packaging import MODEL_IN_PACKAGE, package
from ml_platform.registry.runs import RunLog
from ml_platform.registry.version import ModelVersion, unknown_version


class ModelRegistry(RunLog):
    """Runs and versions of models in MLflow; `VersionRegistry` tells what each method promises."""

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
        with self._doing(f"read {model}:{version}") as client:
            from mlflow.exceptions import MlflowException

            try:
                return _version(client.get_model_version(model, str(version)))
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
        raise unknown_version(model, version, [found.version for found in self.versions(model)])

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


def _pages(search: Any, wanted: str) -> Generator[Any, None, None]:
    page = search(wanted, max_results=1000)
    yield from page
    while page.token:
        page = search(wanted, max_results=1000, page_token=page.token)
        yield from page


def _version(made: Any) -> ModelVersion:
    return ModelVersion(
        name=made.name, version=int(made.version), run_id=made.run_id or "", tags=dict(made.tags)
    )
