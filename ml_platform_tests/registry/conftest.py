import shutil
from pathlib import Path

import pytest

from ml_platform.registry.embedded import create_once
from ml_platform.registry.registry import ModelRegistry
from ml_platform_tests.mlflow_server import mlflow_server
from ml_platform_tests.postgres import postgres_url

__all__ = ["empty_store", "mlflow_server", "postgres_url", "registry"]


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new MLflow store, made once: the migrations of its schema take 3 s."""
    folder = tmp_path_factory.mktemp("mlflow")
    file = folder / "mlflow.db"
    create_once(f"sqlite:///{file}", artifacts=str(folder / "artifacts"))
    return file


@pytest.fixture
def registry(empty_store: Path, tmp_path: Path) -> ModelRegistry:
    file = tmp_path / "mlflow.db"
    shutil.copyfile(empty_store, file)
    return ModelRegistry(tracking_uri=f"sqlite:///{file}", artifacts=str(tmp_path / "artifacts"))
