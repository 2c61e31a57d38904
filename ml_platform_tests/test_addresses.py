"""No error shows the password of an address, whichever store or source it is of."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from ml_platform.addresses import without_login, without_secrets
from ml_platform.component.lineage import models_with_predictions
from ml_platform.data.handles import HandleStore
from ml_platform.data.snapshots import SnapshotStore
from ml_platform.data.sources.csv import CsvSource
from ml_platform.data.sources.delta import DeltaSource
from ml_platform.data.sources.parquet import ParquetSource
from ml_platform.data.sources.source import Source
from ml_platform.exceptions import MLPlatformError
from ml_platform.feedback.delta_files import clear_errors
from ml_platform.registry.registry import ModelRegistry
from ml_platform.release.store import SqlReleaseStore
from ml_platform.settings import Settings

URL = "nowhere://ada:hunter2/=@host/data"
FILE = Path("/")


def fail_at_a_table() -> None:
    with clear_errors(f"cannot read {URL}"):
        raise OSError(f"{'x' * 290} {URL}")


@pytest.mark.parametrize(
    "act",
    [
        lambda: HandleStore(URL).read("m/a.json"),
        lambda: SnapshotStore(URL).write("m/raw_data", pd.DataFrame({"a": [1]})),
        fail_at_a_table,
        lambda: SqlReleaseStore("postgresql://ada:hunter2/=@127.0.0.1:1/x").models(),
        lambda: SqlReleaseStore("mysql://ada:hunter2/=@127.0.0.1:1/x").models(),
        lambda: models_with_predictions(Settings.from_environment({"ML_PLATFORM_DATA_URL": URL})),
        lambda: CsvSource(path=f"{URL}/a.csv").read(folder=FILE),
        lambda: ParquetSource(path=f"{URL}/a.parquet").read(folder=FILE),
        lambda: DeltaSource(path=URL).read(folder=FILE),
        lambda: ModelRegistry(tracking_uri=URL, artifacts="/x").versions("m"),
    ],
    ids=[
        "handles", "snapshots", "table", "release", "another database", "lineage", "csv", "parquet",
        "delta", "mlflow",
    ],
)  # fmt: skip
def test_no_error_shows_the_password_of_an_address(act: Callable[[], object]) -> None:
    with pytest.raises(MLPlatformError) as raised:
        act()
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    "source",
    [CsvSource(path=URL), ParquetSource(path=URL), DeltaSource(path=f"{URL}?token=hunter2")],
)
def test_no_lineage_shows_the_password_of_a_source(source: Source) -> None:
    assert "nowhere://ada:***@host/data" in source.fingerprint()
    assert "hunter2" not in source.fingerprint()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3://bucket/a:b/c@d", "s3://bucket/a:b/c@d"),
        ("/home/ada:x@y/data", "/home/ada:x@y/data"),
        ("http://127.0.0.1:5000/x", "http://127.0.0.1:5000/x"),
        ("sftp://ada@host/x: denied for ada@host", "sftp://ada@host/x: denied for ada@host"),
        ("redis://:pw@host", "redis://:***@host"),
        ("at postgresql+psycopg2://a:p@s@h/x, and", "at postgresql+psycopg2://a:***@h/x, and"),
        ("https://h/x?sv=1&SAS_Token=abc&se=2", "https://h/x?sv=1&SAS_Token=***&se=2"),
    ],
)
def test_only_what_may_be_secret_is_left_out(text: str, shown: str) -> None:
    assert without_secrets(text) == shown
    assert without_secrets(shown) == shown


def test_address_for_people_is_left_as_it_is_where_nobody_logs_in() -> None:
    assert without_login("http://127.0.0.1:5000") == "http://127.0.0.1:5000"
