"""The stores in S3 in place of this machine's disk, by the clients that production uses."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest
from s3fs import S3FileSystem

from ml_platform.component.inference_logs import last_segments
from ml_platform.component.lineage import models_with_predictions
from ml_platform.component.platform import Platform
from ml_platform.component.steps.ingest_journal import ingest_journal
from ml_platform.data.handles import HandleStore
from ml_platform.data.snapshots import SnapshotStore
from ml_platform.exceptions import StoreError
from ml_platform.serving.journal.shipping import SegmentShipper, ship
from ml_platform.settings import Settings
from ml_platform.spec.load import Declaration
from ml_platform_tests.component.running import (
    BEFORE_DEPLOYMENT,
    changed,
    materialize,
    materialized,
    metadata,
)
from ml_platform_tests.component.steps.test_ingest_journal import (
    NOW,
    ids,
    label,
    labels,
    log,
    prediction,
    with_retention,
)
from ml_platform_tests.component.test_taught_windows import evenly, fed, joined, taught
from ml_platform_tests.component.test_taught_windows import tell as tell_labels
from ml_platform_tests.models.small_credit.source import load
from ml_platform_tests.object_store import ObjectStore, s3, s3_endpoint
from ml_platform_tests.waiting import until

__all__ = ["fed", "s3", "s3_endpoint"]

pytestmark = pytest.mark.slow


@pytest.fixture
def settings(s3: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home here, with tables, artifacts and moved segments in the bucket."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setenv("ML_PLATFORM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ML_PLATFORM_DATA_URL", f"{s3.url}/ml")
    monkeypatch.setenv("ML_PLATFORM_JOURNAL_URL", f"{s3.url}/journal")
    monkeypatch.setenv("ML_PLATFORM_ARTIFACTS_URL", f"{s3.url}/mlflow")
    return Settings.from_environment()


@pytest.mark.usefixtures("settings")
def test_model_is_trained_from_data_in_the_bucket_and_its_snapshots_are_there(
    declaration: Declaration, instance: dg.DagsterInstance, s3: ObjectStore, tmp_path: Path
) -> None:
    s3.put("loans.csv", load(rows=1000, seed=1).to_csv(index=False).encode())
    source = "{type: python, function: source:load, params: {rows: 1000, seed: 1}}"
    at = changed(declaration, source, f"{{type: csv, path: {s3.url}/loans.csv}}")
    result = materialize(at, instance, only=BEFORE_DEPLOYMENT)
    assert result.success
    again = materialize(at, instance, only=BEFORE_DEPLOYMENT)
    assert materialized(again) == list(BEFORE_DEPLOYMENT)
    assert metadata(again, "trained_model")["reused"] is True
    assert any(name.startswith("ml/small_credit/validated_data/_delta") for name in s3.names())
    assert any(re.fullmatch(r"mlflow/.*/certificate-v1\.json", name) for name in s3.names())
    assert not (tmp_path / "home" / "data").exists()
    assert not (tmp_path / "home" / "mlflow" / "artifacts").exists()


def test_two_writers_of_snapshots_lose_nothing(s3: ObjectStore) -> None:
    def write(number: int) -> int:
        frame = pd.DataFrame({"a": [number]})
        return SnapshotStore(f"{s3.url}/ml").write("m/validated_data", frame).version

    with ThreadPoolExecutor(4) as pool:
        versions = sorted(pool.map(write, range(8)))
    assert versions == list(range(8))


def test_segments_that_other_machines_ship_are_seen_and_ingested_once(
    declaration: Declaration, platform: Platform, s3: ObjectStore, settings: Settings
) -> None:
    assert last_segments(settings) == {}
    first = log(declaration, [prediction(1), label(1)])
    ship(first, f"{s3.url}/journal/small_credit/w")
    seen = last_segments(settings)
    assert list(seen) == ["small_credit"]
    second = log(declaration, [prediction(2), prediction(1)], worker="elsewhere")
    s3.put(f"journal/small_credit/elsewhere/{second.name}", second.read_bytes())
    second.unlink()
    assert last_segments(settings) != seen, "the listing is that of now"
    outcome = ingest_journal(declaration, platform, now=NOW)
    assert (outcome.rows, outcome.labels, outcome.duplicates) == (2, 1, 1)
    assert (ids(platform, declaration), labels(platform, declaration)) == (
        ["id-1", "id-2"],
        ["id-1"],
    )
    assert ingest_journal(declaration, platform, now=NOW).rows == 0
    assert [name for name in s3.names() if name.startswith("journal/")] == []
    assert models_with_predictions(settings) == {"small_credit"}


def test_days_over_the_retention_are_forgotten(
    declaration: Declaration, platform: Platform
) -> None:
    kept = with_retention(declaration, days=7)
    old = prediction(1, at=NOW.timestamp() - 9 * 86_400)
    log(kept, [old, prediction(2)])
    ingest_journal(kept, platform, now=NOW)
    log(kept, [prediction(3)])
    ingest_journal(kept, platform, now=NOW)
    assert ids(platform, kept) == ["id-2", "id-3"]


def test_labels_are_joined_audited_and_taught(fed: Declaration, platform: Platform) -> None:
    tell_labels(platform, range(4), evenly)
    state = joined(fed, platform, after=4)
    assert (state.audit.result.verdict, state.record.counts) == ("passed", {"joined": 4 * 560})
    assert taught(fed, platform)[0] == [560] * 4 + [0] * 6


def test_bucket_that_is_not_there_is_one_sentence(s3: ObjectStore) -> None:
    with pytest.raises(StoreError, match=r"cannot write s3://nowhere/a\.json: "):
        HandleStore("s3://nowhere").write("a.json", "{}")
    with pytest.raises(StoreError, match=r"cannot write .*nowhere"):
        SnapshotStore("s3://nowhere").write("m", pd.DataFrame({"a": [1]}))


def test_store_that_is_away_is_one_sentence_and_is_shipped_to_when_it_is_back(
    s3: ObjectStore, monkeypatch: pytest.MonkeyPatch, declaration: Declaration
) -> None:
    segment = log(declaration, [prediction(1)])
    with monkeypatch.context() as away:
        away.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        away.setenv("AWS_MAX_ATTEMPTS", "1")
        S3FileSystem.clear_instance_cache()
        with pytest.raises(StoreError, match=r"cannot read s3://away/a\.json: Endp"):
            HandleStore("s3://away").read("a.json")
        shipper = SegmentShipper(segment.parent.parent, f"{s3.url}/journal")
        until(lambda: bool(shipper.failed))
        assert "127.0.0.1:9" in shipper.failed
        assert segment.exists()
    S3FileSystem.clear_instance_cache()
    shipper.wake()
    until(lambda: not segment.exists())
    shipper.close()
    assert s3.names() == [f"journal/w/{segment.name}"]
