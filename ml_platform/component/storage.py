"""Dagster's own storage: SQLite under the home, or Postgres where a URL says so."""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from alembic.config import Config
from alembic.script import ScriptDirectory
from dagster._core.storage.base_storage import DagsterStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClass, ConfigurableClassData

from ml_platform.registry.embedded import with_driver
from ml_platform.settings import Settings

STORAGE_URL = "ML_PLATFORM_DAGSTER_URL"


class PlatformStorage(DagsterStorage, ConfigurableClass):
    """Chooses the storage by the environment, so that one dagster.yaml serves both."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """No configuration: the environment says it all."""
        return {}

    @classmethod
    def from_config_value(  # type: ignore[override]
        cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]
    ) -> DagsterStorage:
        """The Postgres storage of `ML_PLATFORM_DAGSTER_URL`, else SQLite under the home."""
        remember_migrations()
        url = os.environ.get(STORAGE_URL)
        if not url:
            home = Settings.from_environment().dagster_home
            return DagsterSqliteStorage.from_config_value(inst_data, {"base_dir": str(home)})
        from dagster_postgres import DagsterPostgresStorage

        return DagsterPostgresStorage.from_config_value(
            inst_data, {"postgres_url": with_driver(url)}
        )


@cache
def remember_migrations() -> None:
    """Let Alembic read the migrations of a kind of store once a process.

    Dagster opens its storage anew for each tick of a sensor, and Alembic then ran all the files of
    its migrations to learn which is the newest: three quarters of what opening takes.
    """
    read = ScriptDirectory.from_config
    known: dict[str | None, ScriptDirectory] = {}

    def remembered(config: Config) -> ScriptDirectory:
        place = config.get_main_option("script_location")
        if place not in known:
            known[place] = read(config)
        return known[place]

    ScriptDirectory.from_config = staticmethod(remembered)
