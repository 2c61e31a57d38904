import time
from pathlib import Path

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


def test_stores_elsewhere_are_left_alone() -> None:
    with created_ahead("postgresql://nobody@nowhere/none", artifacts="s3://nothing"):
        pass
