"""Dagster's instance: embedded by default, on Postgres by a URL, nothing outside the home."""

from importlib.resources import files
from pathlib import Path

import dagster as dg
import pytest
from alembic.script import ScriptDirectory
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import TickStatus

from ml_platform.component.instance import open_instance, prepare_dagster_home
from ml_platform.component.storage import STORAGE_URL
from ml_platform.exceptions import StoreError
from ml_platform.settings import Settings
from ml_platform_tests.postgres import postgres_url

__all__ = ["postgres_url"]


@dg.asset
def noted() -> int:
    return 1


def run_ids(settings: Settings) -> list[str]:
    with open_instance(settings) as instance:
        return [record.dagster_run.run_id for record in instance.get_run_records()]


def test_history_is_kept_under_the_home_and_nothing_in_the_current_directory(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    with open_instance(settings) as instance:
        ran = dg.materialize([noted], instance=instance).run_id
    assert run_ids(settings) == [ran]
    assert [*elsewhere.iterdir()] == []
    assert {path.name for path in settings.home.iterdir()} <= {"dagster", "data"}


def test_a_process_reads_the_migrations_of_its_store_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_ids(settings) == []
    read: list[ScriptDirectory] = []
    monkeypatch.setattr(ScriptDirectory, "_load_revisions", lambda self: read.append(self) or [])
    assert run_ids(settings) == []
    assert read == []


def test_settings_of_the_instance_are_those_of_the_shipped_file(settings: Settings) -> None:
    with open_instance(settings) as instance:
        assert not instance.telemetry_enabled
        assert type(instance.run_coordinator).__name__ == "QueuedRunCoordinator"
        concurrency = instance.get_concurrency_config()
        assert concurrency.pool_config.default_pool_limit == 1
        assert concurrency.run_queue_config is not None
        assert concurrency.run_queue_config.max_concurrent_runs == 4
        assert instance.run_monitoring_enabled
        kept = instance.get_tick_retention_settings(InstigatorType.SENSOR)
        assert kept == {
            TickStatus.SKIPPED: 7,
            TickStatus.FAILURE: 30,
            TickStatus.SUCCESS: -1,
            TickStatus.STARTED: -1,
        }
        kept = instance.get_tick_retention_settings(InstigatorType.SCHEDULE)
        assert set(kept.values()) == {90}


def test_file_at_the_top_is_the_shipped_one() -> None:
    shipped = files("ml_platform.component").joinpath("dagster.yaml").read_text("utf-8")
    assert (Path(__file__).parents[2] / "dagster.yaml").read_text("utf-8") == shipped


def test_history_is_kept_in_postgres_where_a_url_says_so(
    settings: Settings, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STORAGE_URL, postgres_url)
    with open_instance(settings) as instance:
        ran = dg.materialize([noted], instance=instance).run_id
    assert run_ids(settings) == [ran]
    assert not [*settings.dagster_home.rglob("*.db")]


def test_a_users_own_file_and_home_are_respected(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    monkeypatch.setenv("DAGSTER_HOME", str(own))
    assert prepare_dagster_home(settings) == own
    assert (own / "dagster.yaml").read_text("utf-8") == "telemetry:\n  enabled: false\n"


def test_home_that_cannot_be_made_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("ML_PLATFORM_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(StoreError, match=r"cannot use .* as DAGSTER_HOME"):
        prepare_dagster_home(Settings.from_environment())
