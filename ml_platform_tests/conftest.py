"""What every test stands on."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_platform.registry import embedded

# Small models on busy machines: threads that wait for each other by spinning cost more than they
# bring. Set before any library reads it; processes that tests start inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: of several workers none is left alone with them at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


REAL_MIGRATION = embedded._migrate


@pytest.fixture(scope="session", autouse=True)
def _migrated_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """MLflow's empty store is migrated once, which takes seconds, and copied for each home."""
    made = tmp_path_factory.mktemp("mlflow") / "empty.db"

    def copied(file: Path, artifacts: str) -> None:
        if not made.exists():
            REAL_MIGRATION(made, artifacts)
        shutil.copyfile(made, file)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedded, "_migrate", copied)
        yield
