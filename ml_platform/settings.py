"""Where everything is kept: one explicit root, each store movable by an environment variable."""

import importlib.util
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, Field

from ml_platform.exceptions import StoreError
from ml_platform.plugins import Strict


class Settings(Strict):
    """The addresses of every store; see docs/settings.md.

    home: the root of all embedded stores.
    data_url: local path or fsspec URL under which the Delta tables and handles lie.
    mlflow_url: MLflow tracking URI.
    artifacts_url: folder or URL of an object store for MLflow's artifacts; a server keeps its own.
    release_url: SQLAlchemy URL of the release store.
    models: folders with declared models, besides `ml_platform/defs`; of an installed package, too.
    journal_url: fsspec URL that closed segments of journals are moved to, and what workers counted
    is copied to; None leaves them in the home.
    max_runs_per_day, max_hours_per_day, max_gpu_hours_per_day: of all trainings that the platform
    begins by itself, in any 24 hours; None is no limit.
    sensor_seconds: between two looks of a sensor; None is what each takes by itself.
    reports_address, mlflow_address, dagster_address: where people reach the report server, MLflow
    and the Dagster UI, for links.
    alert_urls: who is told of incidents of the platform itself, as apprise writes addresses.
    rows_before: rows of a source from this time on are not read; None reads all. A replay sets it.
    owner_alert_urls: the same of models that declare no address; `{owner}` is who owns the model.
    """

    home: Path
    data_url: str
    mlflow_url: str
    artifacts_url: str
    release_url: str
    models: tuple[Path, ...] = ()
    journal_url: str | None = None
    max_runs_per_day: int | None = Field(default=None, gt=0)
    max_hours_per_day: float | None = Field(default=None, gt=0)
    max_gpu_hours_per_day: float | None = Field(default=None, gt=0)
    sensor_seconds: int | None = Field(default=None, gt=0)
    reports_address: str = "http://127.0.0.1:3080"
    mlflow_address: str = "http://127.0.0.1:5000"
    dagster_address: str = "http://127.0.0.1:3000"
    rows_before: AwareDatetime | None = None
    alert_urls: tuple[str, ...] = Field(default=(), repr=False)
    owner_alert_urls: tuple[str, ...] = Field(default=(), repr=False)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read `ML_PLATFORM_*`; the home is `~/.ml_platform` unless `ML_PLATFORM_HOME` is set."""
        home = Path(environ.get("ML_PLATFORM_HOME") or "~/.ml_platform").expanduser().resolve()
        named = {
            "data_url": str(home / "data"),
            "mlflow_url": f"sqlite:///{home}/mlflow/mlflow.db",
            "artifacts_url": str(home / "mlflow" / "artifacts"),
            "release_url": f"sqlite:///{home}/release.db",
            "reports_address": "http://127.0.0.1:3080",
            "mlflow_address": "http://127.0.0.1:5000",
            "dagster_address": "http://127.0.0.1:3000",
        }
        urls: dict[str, Any] = {
            key: environ.get(f"ML_PLATFORM_{key.upper()}") or own for key, own in named.items()
        }
        extra = environ.get("ML_PLATFORM_MODELS", "").split(os.pathsep)
        return cls(
            home=home,
            journal_url=environ.get("ML_PLATFORM_JOURNAL_URL") or None,
            **_numbers(environ),
            rows_before=_moment(environ),
            alert_urls=_addresses(environ.get("ML_PLATFORM_ALERT_URLS", "")),
            owner_alert_urls=_addresses(environ.get("ML_PLATFORM_OWNER_ALERT_URLS", "")),
            models=tuple(folder for part in extra if part for folder in _folders(part)),
            **urls,
        )

    def sensor_interval(self, usual: int) -> int:
        """Seconds between two looks of a sensor that usually takes `usual`."""
        return self.sensor_seconds or usual

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

    def kept_counts(self, model: str) -> Path:
        """What every worker of a model's services ever counted, a file each."""
        return self.home / "serving" / model / "workers"

    def shipped_counts(self, model: str) -> str | None:
        """Where workers of other machines leave a copy of theirs; None where nothing is shipped."""
        return f"{self.journal_url.rstrip('/')}/{model}/counts" if self.journal_url else None

    @property
    def reports(self) -> Path:
        """HTML and JSON reports, served by `ml-platform up`: `<reports>/<model>/...`."""
        return self.home / "reports"

    @property
    def dagster_home(self) -> Path:
        """DAGSTER_HOME, unless the environment names another."""
        return self.home / "dagster"


def _folders(part: str) -> list[Path]:
    """The folder of that path; where there is none, those of the installed package of that name."""
    folder = Path(part).expanduser().resolve()
    names = part.split(".")
    if folder.is_dir() or not all(name.isidentifier() for name in names):
        return [folder]
    top = importlib.util.find_spec(names[0])  # found, not imported
    places = (top and top.submodule_search_locations) or ()
    packages = [Path(place, *names[1:]) for place in places]
    return [package for package in packages if package.is_dir()] or [folder]


ROWS_BEFORE = "ML_PLATFORM_ROWS_BEFORE"


def _moment(environ: Mapping[str, str]) -> datetime | None:
    """The time that rows lie before; UTC where it names no zone. Raises StoreError."""
    text = environ.get(ROWS_BEFORE)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        valid = "a time such as 2013-04-01T00:00:00+00:00, or nothing"
        raise StoreError(f"{ROWS_BEFORE} is {text!r}; valid: {valid}") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _addresses(text: str) -> tuple[str, ...]:
    """What is separated by commas or spaces."""
    return tuple(text.replace(",", " ").split())


_NUMBERS = {
    "max_runs_per_day": int,
    "max_hours_per_day": float,
    "max_gpu_hours_per_day": float,
    "sensor_seconds": int,
}


def _numbers(environ: Mapping[str, str]) -> dict[str, Any]:
    """The numbers among the variables. Raises StoreError for one that is none."""
    found: dict[str, Any] = {}
    for name, kind in _NUMBERS.items():
        variable = f"ML_PLATFORM_{name.upper()}"
        text = environ.get(variable)
        if not text:
            continue
        try:
            found[name] = kind(text)
        except ValueError:
            found[name] = 0
        if not found[name] > 0:
            raise StoreError(f"{variable} is {text!r}; valid: a number above 0, or nothing")
    return found
