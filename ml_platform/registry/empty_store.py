"""MLflow's empty SQLite store as its migrations leave it, made in one go.

The migrations take seconds of every new home; what they lead to is the same each time, so it is
kept as SQL for one version of MLflow. `python -m ml_platform.registry.empty_store` writes it anew
for the version installed; a test holds it against the migrations.
"""

import sqlite3
import time
from contextlib import closing
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

SCRIPT = "mlflow_store.sql"
_HEAD = "-- The empty store of MLflow {}\n"


def create(file: Path, *, artifacts: str) -> bool:
    """Create the store, where what is kept is of the MLflow installed; tell whether it was.

    Raises OSError or sqlite3.Error where the file cannot be written.
    """
    kept = files("ml_platform.registry").joinpath(SCRIPT).read_text("utf-8")
    if not kept.startswith(_HEAD.format(version("mlflow"))):
        return False
    now = int(time.time() * 1000)
    with closing(sqlite3.connect(file)) as store, store:
        store.executescript(kept)
        store.execute(
            "UPDATE experiments SET artifact_location = ?, creation_time = ?, last_update_time = ?",
            (f"{artifacts.rstrip('/')}/0", now, now),
        )
    return True


def script_of(file: Path) -> str:
    """The SQL that makes an empty store like the one in `file`."""
    with closing(sqlite3.connect(file)) as store:
        store.execute(
            "UPDATE experiments SET artifact_location = '', creation_time = 0, last_update_time = 0"
        )
        return _HEAD.format(version("mlflow")) + "\n".join(store.iterdump()) + "\n"


def main() -> None:
    """Write the script for the MLflow installed."""
    from ml_platform.registry.embedded import migrate

    with TemporaryDirectory() as folder:
        file = Path(folder) / "mlflow.db"
        migrate(file, folder)
        Path(__file__).with_name(SCRIPT).write_text(script_of(file), encoding="utf-8")


if __name__ == "__main__":
    main()
