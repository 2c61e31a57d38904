import time
from pathlib import Path

import pytest

from ml_platform.registry import embedded
from ml_platform.registry.embedded import create_once, created_ahead


def test_store_is_created_beside_the_block_and_creating_it_again_waits_for_it(
    tmp_path: Path,
) -> None:
    file = tmp_path / "mlflow.db"
    uri, artifacts = f"sqlite:///{file}", str(tmp_path / "artifacts")
    with created_ahead(uri, artifacts=artifacts):
        deadline = time.monotonic() + 120
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert file.exists()
    written = file.stat().st_mtime_ns
    create_once(uri, artifacts=artifacts)
    with created_ahead(uri, artifacts=artifacts):
        pass
    assert file.stat().st_mtime_ns == written


def test_stores_elsewhere_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(embedded, "subprocess", None)
    monkeypatch.setattr(embedded, "_migrate", None)
    elsewhere, artifacts = "postgresql://nobody@nowhere/none", "s3://nothing"
    with created_ahead(elsewhere, artifacts=artifacts):
        create_once(elsewhere, artifacts=artifacts)
    assert list(tmp_path.iterdir()) == []
