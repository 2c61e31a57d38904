"""Where everything is kept: one explicit root, each store movable by an environment variable."""

import os
from collections.abc import Mapping
from pathlib import Path

from ml_platform.plugins import Strict


class Settings(Strict):
    """The addresses of every store; see docs/settings.md.

    home: the root of all embedded stores.
    data_url: local path or fsspec URL under which the Delta tables and handles lie.
    mlflow_url: MLflow tracking URI.
    release_url: SQLAlchemy URL of the release store.
    models: folders with declared models, besides `ml_platform/defs`.
    """

    home: Path
    data_url: str
    mlflow_url: str
    release_url: str
    models: tuple[Path, ...] = ()

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read `ML_PLATFORM_*`; the home is `~/.ml_platform` unless `ML_PLATFORM_HOME` is set."""
        home = Path(environ.get("ML_PLATFORM_HOME") or "~/.ml_platform").expanduser().resolve()
        extra = environ.get("ML_PLATFORM_MODELS", "")
        return cls(
            home=home,
            data_url=environ.get("ML_PLATFORM_DATA_URL") or str(home / "data"),
            mlflow_url=environ.get("ML_PLATFORM_MLFLOW_URL") or f"sqlite:///{home}/mlflow/mlflow.db",
            release_url=environ.get("ML_PLATFORM_RELEASE_URL") or f"sqlite:///{home}/release.db",
            models=tuple(Path(part).expanduser().resolve() for part in extra.split(os.pathsep) if part),
        )

    @property
    def artifacts(self) -> Path:
        """Where the embedded MLflow keeps artifacts."""
        return self.home / "mlflow" / "artifacts"

    @property
    def bentos(self) -> Path:
        """The Bento store, BENTOML_HOME."""
        return self.home / "bentoml"

    @property
    def reports(self) -> Path:
        """HTML and JSON reports, served by `ml-platform up`: `<reports>/<model>/...`."""
        return self.home / "reports"

    @property
    def dagster_home(self) -> Path:
        """DAGSTER_HOME, unless the environment names another."""
        return self.home / "dagster"
