"""The stores behind one set of settings, and the Dagster resource that hands them out."""

from dataclasses import dataclass
from functools import cached_property

import dagster as dg
from pydantic import PrivateAttr

from ml_platform.data.handles import HandleStore
from ml_platform.data.snapshots import SnapshotStore
from ml_platform.evaluation.evidently_process import EvidentlyProcess, evidently_process
from ml_platform.registry.registry import ModelRegistry
from ml_platform.release.store import ReleaseStore, SqlReleaseStore
from ml_platform.settings import Settings


@dataclass(frozen=True)
class Platform:
    """Every store, opened when first used."""

    settings: Settings

    @cached_property
    def snapshots(self) -> SnapshotStore:
        """Data snapshots, as Delta tables."""
        return SnapshotStore(self.settings.data_url)

    @cached_property
    def handles(self) -> HandleStore:
        """What each asset last produced, as small JSON documents."""
        return HandleStore(f"{self.settings.data_url}/handles")

    @cached_property
    def registry(self) -> ModelRegistry:
        """Runs and model versions, in MLflow."""
        return ModelRegistry(
            tracking_uri=self.settings.mlflow_url,
            artifacts=self.settings.artifacts_url,
            ui_url=self.settings.mlflow_address,
        )

    @cached_property
    def releases(self) -> ReleaseStore:
        """Which version is champion, and how it came to be."""
        return SqlReleaseStore(self.settings.release_url)

    @property
    def evidently(self) -> EvidentlyProcess:
        """Draws Evidently's pages beside us; started ahead, it imports while we train."""
        return evidently_process()


class PlatformResource(dg.ConfigurableResource[Platform]):
    """Hands the stores to assets; the addresses come from the environment of the run."""

    _opened: Platform | None = PrivateAttr(default=None)

    @property
    def stores(self) -> Platform:
        """The stores of this process."""
        if self._opened is None:
            self._opened = Platform(Settings.from_environment())
        return self._opened
