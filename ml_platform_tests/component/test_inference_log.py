"""The asset `inference_log`, the sensor over all models, and the way back from a prediction."""

import asyncio
import json
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner

from ml_platform.cli.main import main
from ml_platform.component import inference_logs
from ml_platform.component.inference_logs import (
    AGAIN,
    EVERY,
    LOOKED_AT_ONCE,
    RETENTION_EVERY,
    Asked,
    Cursor,
    days_to_look_at,
    due,
    last_segments,
)
from ml_platform.component.lineage import lineage_of
from ml_platform.component.load import build_definitions, load_declarations
from ml_platform.component.platform import Platform
from ml_platform.component.production import ingest_now
from ml_platform.exceptions import PredictionNotFound
from ml_platform.settings import Settings
from ml_platform.spec.load import Declaration
from ml_platform_tests.component.running import committed, materialize, materialized, metadata
from ml_platform_tests.component.steps.test_ingest_journal import (
    ids,
    label,
    log,
    open_journal,
    prediction,
    with_retention,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MODEL = "small_credit"


def test_asset_moves_the_journal_and_shows_what_it_met(
    declaration: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    segment = log(declaration, [prediction(1), label(1), prediction(2, version=4), prediction(2)])
    segment.write_bytes(segment.read_bytes() + b"torn")
    result = materialize(declaration, instance, only=["inference_log"])
    assert result.success
    shown = metadata(result, "inference_log")
    expected = {"rows": 2, "labels": 1, "duplicates": 1, "torn_bytes": 4, "segments": 1}
    assert {name: shown[name] for name in expected} == expected
    assert isinstance(shown["lag_seconds"], float)
    assert [record.data for record in shown["versions"].records] == [
        {"version": 3, "role": "champion", "rows": 1},
        {"version": 4, "role": "champion", "rows": 1},
    ]
    assert ids(platform, declaration) == ["id-1", "id-2"]


def test_release_job_leaves_the_inference_log_alone(declaration: Declaration) -> None:
    definitions = build_definitions(load_declarations([declaration.folder]))
    job = definitions.resolve_job_def("small_credit_release")
    names = {key.path[-1] for key in job.asset_layer.executable_asset_keys}
    assert names == {
        "raw_data",
        "validated_data",
        "trained_model",
        "evaluation_report",
        "deployed_bento",
    }


def test_sensor_starts_the_ingestion_of_models_with_closed_segments(
    declaration: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    definitions = build_definitions(load_declarations([declaration.folder]))
    repository = definitions.get_repository_def()
    sensor = repository.get_sensor_def("inference_logs")

    def tick(cursor: str | None) -> tuple[list[dg.RunRequest], str | None]:
        context = dg.build_sensor_context(
            instance=instance, cursor=cursor, repository_def=repository
        )
        said = sensor.evaluate_tick(context)
        return list(said.run_requests or []), said.cursor

    journal = open_journal(declaration, [prediction(1)])
    assert tick(None)[0] == [], "a segment that is written to is left alone"
    journal.close()
    (platform.settings.journal / "not_declared" / "w").mkdir(parents=True)
    (platform.settings.journal / "not_declared" / "w" / "00000000000001-ab.seg").touch()
    requests, cursor = tick(None)
    assert [request.job_name for request in requests] == ["small_credit_ingest"]
    assert tick(cursor)[0] == []
    job = definitions.resolve_job_def("small_credit_ingest")
    result = job.execute_in_process(instance=instance)
    assert materialized(result) == ["inference_log"]
    assert ids(platform, declaration) == ["id-1"]


def test_model_is_asked_for_seldom_and_what_stays_is_asked_for_again() -> None:
    cursor, requests = due({"shop": "a"}, Cursor(), now=NOW)
    assert [request.run_key for request in requests] == ["shop:a"]
    cursor, requests = due({"shop": "b"}, cursor, now=NOW + EVERY / 2)
    assert requests == []
    cursor, requests = due({"shop": "b"}, cursor, now=NOW + EVERY)
    assert [request.run_key for request in requests] == ["shop:b"]
    cursor, requests = due({"shop": "b"}, cursor, now=NOW + EVERY * 2)
    assert requests == []
    later, asked = NOW + EVERY + AGAIN, NOW + EVERY
    again, requests = due({"shop": "b"}, cursor, now=later)
    key = f"shop:b:after {asked.isoformat(timespec='seconds')}"
    assert [request.run_key for request in requests] == [key]
    _, requests = due({"shop": "b"}, cursor, now=later + timedelta(seconds=1))
    assert [request.run_key for request in requests] == [key], "the same tick, of a dead daemon"
    _, requests = due({"shop": "b"}, again, now=later + AGAIN)
    assert [request.run_key for request in requests] != [key]


def test_sensor_starts_the_ingestion_of_a_model_that_is_asked_no_more_for_its_retention(
    declaration: Declaration,
    instance: dg.DagsterInstance,
    platform: Platform,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = with_retention(declaration, days=5)
    log(kept, [prediction(1)])
    definitions = build_definitions(load_declarations([kept.folder]))
    sensor = definitions.get_repository_def().get_sensor_def("inference_logs")

    def tick(cursor: str | None, *, days: float) -> tuple[list[str | None], str | None]:
        monkeypatch.setattr(inference_logs, "utc_now", lambda: NOW + timedelta(days=days))
        said = sensor.evaluate_tick(dg.build_sensor_context(instance=instance, cursor=cursor))
        return [request.run_key for request in said.run_requests or []], said.cursor

    asked, cursor = tick(None, days=0)
    assert len(asked) == 1, "of a segment"
    ingest_now(kept, platform, instance=instance, now=NOW)
    assert tick(cursor, days=4)[0] == []
    asked, after = tick(cursor, days=5)
    assert asked == ["small_credit:retention:2026-11-26"]
    assert tick(cursor, days=5)[0] == asked, "the same tick again asks for the same"
    assert tick(after, days=5.5)[0] == [], "it was asked for"
    ingest_now(kept, platform, instance=instance, now=NOW + timedelta(days=5))
    event = instance.get_latest_materialization_event(dg.AssetKey([MODEL, "inference_log"]))
    assert event is not None
    assert event.asset_materialization is not None
    assert event.asset_materialization.metadata["forgotten_days"].value == 1
    asked, _ = tick(after, days=7)
    assert asked == ["small_credit:retention:2026-11-28"], "to delete what was forgotten"
    shutil.rmtree(platform.settings.data_url)
    assert tick(after, days=7)[0] == []


def test_a_model_can_switch_the_sensor_off(
    declaration: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    off = with_retention(declaration, days=5, more=", automatic: false")
    log(off, [prediction(1)])
    definitions = build_definitions(load_declarations([off.folder]))
    sensor = definitions.get_repository_def().get_sensor_def("inference_logs")

    def tick() -> list[dg.RunRequest]:
        said = sensor.evaluate_tick(dg.build_sensor_context(instance=instance))
        return list(said.run_requests or [])

    assert tick() == []
    ingest_now(off, platform, instance=instance, now=NOW)
    assert ids(platform, off) == ["id-1"]
    assert tick() == [], "nor for the retention"


def test_sensor_looks_at_the_days_of_some_models_at_once() -> None:
    models = [f"model_{number}" for number in range(LOOKED_AT_ONCE + 5)]
    asked = {models[0]: Asked(segment="a", at=NOW)}
    first = days_to_look_at(models, Cursor(asked=asked), now=NOW)
    assert len(first) == LOOKED_AT_ONCE
    cursor = Cursor(asked=asked, looked=dict.fromkeys(first, NOW))
    assert len(days_to_look_at(models, cursor, now=NOW)) == 4
    assert len(days_to_look_at(models, cursor, now=NOW + RETENTION_EVERY)) == LOOKED_AT_ONCE


def test_segment_of_a_dead_writer_and_one_that_was_moved_count(
    declaration: Declaration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_PLATFORM_JOURNAL_URL", f"file://{tmp_path}/moved")
    settings = Settings.from_environment()
    assert last_segments(settings) == {}
    segment = log(declaration, [prediction(1)])
    dead = segment.rename(segment.with_suffix(".open"))
    assert last_segments(settings) == {"small_credit": dead.stem}
    moved = tmp_path / "moved" / "other" / "w" / "00000000000007-ab.seg"
    moved.parent.mkdir(parents=True)
    shutil.copy(dead, moved)
    assert last_segments(settings)["other"] == moved.stem


def test_prediction_is_traced_back_to_everything_it_came_from(
    declaration: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    upto = ["raw_data", "validated_data", "trained_model", "evaluation_report"]
    commit = committed(declaration.folder)
    trained = materialize(declaration, instance, only=upto)
    assert trained.success
    log(declaration, [prediction(1, version=1, key="loan-7"), prediction(2, version=9)])
    before = lineage_of(platform, "id-1")
    assert before.answered.found_in == "journal"
    assert materialize(declaration, instance, only=["inference_log"]).success
    found = lineage_of(platform, "id-1", models=["small_credit"])
    assert found.answered.found_in == "inference_log"
    assert found.answered.model_copy(update={"found_in": "journal"}).time == before.answered.time
    assert found.source == before.source
    source = found.source
    assert source.dagster_run == trained.run_id
    assert source.mlflow_run == metadata(trained, "trained_model")["mlflow_run_id"]
    assert source.snapshot == metadata(trained, "trained_model")["training_data"]
    assert source.contract_version == 1
    assert source.git_commit == commit
    assert source.gates["minimum_metric_roc_auc"] == "passed"
    assert source.certificate == platform.registry.get("small_credit", 1).tags["certificate_sha256"]
    unregistered = lineage_of(platform, "id-2")
    assert "small_credit has no version 9" in unregistered.problem
    text = CliRunner().invoke(main, ["lineage", "id-1"]).output
    for part in (
        commit,
        "prediction id-1",
        "MLflow run",
        "data snapshot",
        "certificate",
        "key loan-7",
    ):
        assert part in text
    document = json.loads(CliRunner().invoke(main, ["lineage", "id-1", "--json"]).output)
    assert document["source"]["dagster_run"] == trained.run_id


def test_unknown_prediction_is_a_clear_error(declaration: Declaration, platform: Platform) -> None:
    log(declaration, [prediction(1)])
    with pytest.raises(PredictionNotFound, match=r"no prediction 'id-7' .*asked: small_credit"):
        lineage_of(platform, "id-7")
    done = CliRunner().invoke(main, ["lineage", "id-7"])
    assert done.exit_code == 5
    typo = CliRunner().invoke(main, ["lineage", "id-1", "--model", "smal_credit"])
    assert "models asked: smal_credit; did you mean 'small_credit'?" in typo.output


@pytest.mark.slow
def test_command_ingests_in_a_process_of_its_own(
    declaration: Declaration, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_PLATFORM_MODELS", str(declaration.folder.parent))
    log(declaration, [prediction(number) for number in range(50)])

    async def ingest() -> tuple[int | None, bytes]:
        command = [sys.executable, "-m", "ml_platform", "ingest", "small_credit", "--json"]
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
        )
        out, _ = await process.communicate()
        return process.returncode, out

    code, out = asyncio.run(ingest())
    assert code == 0
    [document] = json.loads(out)
    assert (document["rows"], document["segments"]) == (50, 1)
    assert document["counts"] == [{"version": 3, "role": "champion", "rows": 50}]
    assert len(ids(platform, declaration)) == 50
