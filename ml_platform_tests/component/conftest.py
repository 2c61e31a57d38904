"""A home of their own for the tests that run assets, and small declared models."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from ml_platform.component.platform import Platform
from ml_platform.settings import Settings
from ml_platform.spec.load import Declaration
from ml_platform_tests.component.running import small_credit


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An empty home, named by the environment as in production."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setenv("ML_PLATFORM_HOME", str(tmp_path / "home"))
    return Settings.from_environment()


@pytest.fixture
def platform(settings: Settings) -> Platform:
    """The stores of that home."""
    return Platform(settings)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """A Dagster history that begins empty."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def declaration(tmp_path: Path) -> Declaration:
    """The small model, in a folder that a test may change."""
    return small_credit(tmp_path / "small_credit")
