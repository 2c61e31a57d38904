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
    journal_url: fsspec URL that closed segments of journals are moved to; None leaves them in
    `journal`.
    reports_address, mlflow_address: where people reach the report server and MLflow, for links.
    """

    home: Path
    data_url: str
    mlflow_url: str
    release_url: str
    models: tuple[Path, ...] = ()
    journal_url: str | None = None
    reports_address: str = "http://127.0.0.1:3080"
    mlflow_address: str = "http://127.0.0.1:5000"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read `ML_PLATFORM_*`; the home is `~/.ml_platform` unless `ML_PLATFORM_HOME` is set."""
        home = Path(environ.get("ML_PLATFORM_HOME") or "~/.ml_platform").expanduser().resolve()
        named = {
            "data_url": str(home / "data"),
            "mlflow_url": f"sqlite:///{home}/mlflow/mlflow.db",
            "release_url": f"sqlite:///{home}/release.db",
            "reports_address": "http://127.0.0.1:3080",
            "mlflow_address": "http://127.0.0.1:5000",
        }
        extra = environ.get("ML_PLATFORM_MODELS", "").split(os.pathsep)
        return cls(
            home=home,
            journal_url=environ.get("ML_PLATFORM_JOURNAL_URL") or None,
            models=tuple(Path(part).expanduser().resolve() for part in extra if part),
            **{key: environ.get(f"ML_PLATFORM_{key.upper()}") or own for key, own in named.items()},
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
    def journal(self) -> Path:
        """What services log before they answer: `<journal>/<model>/<worker>/...`."""
        return self.home / "journal"

    @property
    def damaged(self) -> Path:
        """What could not be read of journals: `<damaged>/<model>/...`."""
        return self.home / "journal_damaged"

    @property
    def reports(self) -> Path:
        """HTML and JSON reports, served by `ml-platform up`: `<reports>/<model>/...`."""
        return self.home / "reports"

    @property
    def dagster_home(self) -> Path:
        """DAGSTER_HOME, unless the environment names another."""
        return self.home / "dagster"
