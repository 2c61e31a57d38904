"""A run that failed goes on where it failed, in whatever executor, with one MLflow run."""

import os
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ml_platform.component.instance import open_instance
from ml_platform.component.load import build_definitions, load_declarations
from ml_platform.component.platform import Platform
from ml_platform.settings import Settings
from ml_platform.spec.load import Declaration

UP_TO_TRAINING = [
    dg.AssetKey(["small_credit", name]) for name in ("raw_data", "validated_data", "trained_model")
]
FULL_DISK = """

_build = build


def build(frame):
    from pathlib import Path

    if len(frame) > 500 and not Path(__file__).with_name("there_is_room").exists():
        raise OSError("no space left on device")
    return _build(frame)
"""


def release_job() -> dg.JobDefinition:
    """Built anew in every process that runs a step."""
    definitions = build_definitions(load_declarations([Path(os.environ["ML_PLATFORM_MODELS"])]))
    return definitions.resolve_job_def("small_credit_release")


def processes(result: dg.JobExecutionResult) -> int:
    """In how many of them steps ran."""
    return len({event.pid for event in result.all_events if event.is_step_start})


def mlflow_runs(platform: Platform) -> list[Any]:
    """All of the model's experiment."""
    experiment = platform.registry.experiment("small_credit")
    import mlflow

    client = mlflow.MlflowClient(platform.settings.mlflow_url)
    return list(client.search_runs([experiment]))


@pytest.mark.slow
def test_retry_goes_on_in_the_mlflow_run_of_the_first_attempt(
    declaration: Declaration,
    platform: Platform,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ML_PLATFORM_MODELS", str(declaration.folder.parent))
    features = declaration.folder / "features.py"
    features.write_text(features.read_text("utf-8") + FULL_DISK, encoding="utf-8")
    job = dg.reconstructable(release_job)
    with open_instance(settings) as instance:
        monkeypatch.setenv("ML_PLATFORM_EXECUTOR", "forkserver")
        with dg.execute_job(job, instance, asset_selection=UP_TO_TRAINING) as first:
            assert first.get_failed_step_keys() == {"small_credit__trained_model"}
            assert processes(first) == 3
        [opened] = mlflow_runs(platform)
        assert opened.info.status == "FAILED"

        (declaration.folder / "there_is_room").touch()
        monkeypatch.setenv("ML_PLATFORM_EXECUTOR", "in_process")
        again = dg.ReexecutionOptions.from_failure(first.run_id, instance)
        with dg.execute_job(
            job, instance, asset_selection=UP_TO_TRAINING, reexecution_options=again
        ) as second:
            assert second.success
            assert processes(second) == 1
    [gone_on_with] = mlflow_runs(platform)
    assert gone_on_with.info.run_id == opened.info.run_id
    assert gone_on_with.info.status == "FINISHED"
    assert gone_on_with.data.tags["dagster_run_id"] == second.run_id
    assert platform.registry.get("small_credit", 1).run_id == opened.info.run_id
