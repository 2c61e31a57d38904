"""The embedded store is made at once, and is what MLflow's migrations would have made."""

import sqlite3
from contextlib import closing
from importlib.resources import files
from pathlib import Path

import pytest

from ml_platform.exceptions import StoreError
from ml_platform.registry import embedded, empty_store
from ml_platform.registry.embedded import create_once


def test_what_is_kept_is_what_the_migrations_of_the_mlflow_installed_lead_to(
    tmp_path: Path,
) -> None:
    embedded.migrate(tmp_path / "mlflow.db", str(tmp_path))
    kept = files("ml_platform.registry").joinpath(empty_store.SCRIPT).read_text("utf-8")
    made = empty_store.script_of(tmp_path / "mlflow.db")
    assert lines(made) == lines(kept), "write it anew: python -m ml_platform.registry.empty_store"


def test_a_new_store_is_one_that_mlflow_would_make(tmp_path: Path) -> None:
    artifacts = str(tmp_path / "artifacts")
    create_once(f"sqlite:///{tmp_path}/ours.db", artifacts=artifacts)
    embedded.migrate(tmp_path / "theirs.db", artifacts)
    ours, theirs = (default_experiment(tmp_path / name) for name in ("ours.db", "theirs.db"))
    assert ours[:3] == theirs[:3] == (0, "Default", f"{artifacts}/0")
    assert abs(ours[3] - theirs[3]) < 3_600_000


def test_a_store_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    create_once(f"sqlite:///{tmp_path}/mlflow.db", artifacts=str(tmp_path))
    written = (tmp_path / "mlflow.db").stat().st_mtime_ns
    create_once(f"sqlite:///{tmp_path}/mlflow.db", artifacts=str(tmp_path))
    assert (tmp_path / "mlflow.db").stat().st_mtime_ns == written


def test_another_mlflow_migrates_its_store_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(empty_store, "version", lambda _: "3.99.0")
    asked: list[str] = []

    def migrate(file: Path, artifacts: str) -> None:
        asked.append(artifacts)
        file.write_text("by MLflow")

    monkeypatch.setattr(embedded, "migrate", migrate)
    create_once(f"sqlite:///{tmp_path}/mlflow.db", artifacts="there")
    assert asked == ["there"]
    assert (tmp_path / "mlflow.db").read_text() == "by MLflow"


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot create the MLflow store .*file/mlflow\.db: "):
        create_once(f"sqlite:///{tmp_path}/file/mlflow.db", artifacts="x")


def test_stores_elsewhere_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(embedded, "migrate", None)
    create_once("postgresql://nobody@nowhere/none", artifacts="s3://nothing")
    assert list(tmp_path.iterdir()) == []


def lines(script: str) -> list[str]:
    """Migrations make indexes and constraints in no fixed order."""
    return sorted(line.strip(" \t,") for line in script.splitlines())


def default_experiment(file: Path) -> tuple[int, str, str, int]:
    with closing(sqlite3.connect(file)) as store:
        return store.execute(
            "SELECT experiment_id, name, artifact_location, creation_time FROM experiments"
        ).fetchone()
