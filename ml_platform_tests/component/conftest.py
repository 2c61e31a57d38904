"""A home of their own for the tests that run assets, and small declared models."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import dagster as dg
import pytest

from ml_platform.component.platform import Platform
from ml_platform.component.storage import remember_migrations
from ml_platform.evaluation.curves import pictures
from ml_platform.settings import Settings
from ml_platform.spec.load import Declaration
from ml_platform.task import Task
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
    remember_migrations()
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture(autouse=True, scope="package")
def drawn_once() -> Iterator[None]:
    """The first pictures of a task stand for all: to draw them is a quarter of a small training."""
    drawn: dict[Task, dict[str, bytes]] = {}

    def first(*args: Any, task: Task, **options: Any) -> dict[str, bytes]:
        if task not in drawn:
            drawn[task] = pictures(*args, task=task, **options)
        return dict(drawn[task])

    with mock.patch("ml_platform.component.steps.evaluate.pictures", first):
        yield


@pytest.fixture
def declaration(tmp_path: Path) -> Declaration:
    """The small model, in a folder that a test may change."""
    return small_credit(tmp_path / "small_credit")
