"""A home of its own with models in every situation."""

from pathlib import Path

import pytest

from ml_platform.settings import Settings
from ml_platform_tests.cli.status_page.world import World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.delenv("ML_PLATFORM_API_KEYS_FILE", raising=False)
    monkeypatch.setenv("ML_PLATFORM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ML_PLATFORM_MODELS", str(tmp_path / "models"))
    return World(Settings.from_environment(), tmp_path / "models")
