"""A version whose certificate does not hold is not deployed, whoever asks and from wherever."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import dagster as dg
import pytest

from ml_platform.component.assets import model_assets
from ml_platform.component.card import EVALUATION
from ml_platform.component.platform import Platform
from ml_platform.component.resources import resources
from ml_platform.component.steps.certify import DIGEST_TAG, certificate_file
from ml_platform.settings import Settings
from ml_platform_tests.component.running import (
    BEFORE_DEPLOYMENT,
    changed,
    checks,
    failure,
    materialize,
    materialized,
    small_credit,
)

BENTO = dg.AssetKey(["small_credit", "deployed_bento"])
REPORT = dg.AssetKey(["small_credit", "evaluation_report"])
REFUSED = "small_credit:1 may not be deployed: minimum_metric_roc_auc failed: roc_auc"


class Blocked:
    """A model that one gate stopped, the history of that run, and an automation that saw it."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        strict = changed(small_credit(folder / "small_credit"), "floor: 0.7}", "floor: 0.9999}")
        self.folder, self.declaration, self.instance = folder, strict, instance
        eager = dg.AutomationCondition.eager()
        self.automated = dg.Definitions(
            assets=[
                asset.map_asset_specs(
                    lambda spec: spec.replace_attributes(automation_condition=eager)
                )
                if asset.key == BENTO
                else asset
                for asset in model_assets(strict)
            ],
            resources=resources(),
        )
        before = dg.evaluate_automation_conditions(self.automated, instance)
        self.result = materialize(strict, instance)
        materialize(strict, instance, only=["evaluation_report"])  # eager() looks at such runs only
        self.after = dg.evaluate_automation_conditions(
            self.automated, instance, cursor=before.cursor
        )


@pytest.fixture(scope="module")
def blocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Blocked]:
    folder = tmp_path_factory.mktemp("blocked")
    with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
        patch.delenv("DAGSTER_HOME", raising=False)
        patch.setenv("ML_PLATFORM_HOME", str(folder / "home"))
        yield Blocked(folder / "models", instance)


@pytest.fixture(autouse=True)
def settings(blocked: Blocked, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The home of the blocked model, for all tests of this file."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setenv("ML_PLATFORM_HOME", str(blocked.folder.parent / "home"))
    monkeypatch.setenv("ML_PLATFORM_MODELS", str(blocked.folder))
    return Settings.from_environment()


def refused(
    blocked: Blocked, instance: dg.DagsterInstance, *, asked: Sequence[dg.AssetKey] = (BENTO,)
) -> str:
    """What a run of `deployed_bento` alone says when it is refused; asked: what is to be run."""
    assert asked == (BENTO,)
    job = blocked.automated.resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(
        instance=instance, raise_on_error=False, asset_selection=[BENTO]
    )
    assert not result.success
    assert materialized(result) == []
    return failure(result)


def test_run_of_the_whole_job_stops_before_it(blocked: Blocked, platform: Platform) -> None:
    assert not blocked.result.success
    assert materialized(blocked.result) == list(BEFORE_DEPLOYMENT)
    assert checks(blocked.result)["minimum_metric_roc_auc"] is False
    assert_tells_numbers_and_ways(failure(blocked.result), blocked)
    assert platform.releases.state("small_credit").champion is None


def test_run_of_deployed_bento_alone_is_refused(blocked: Blocked) -> None:
    said = refused(blocked, blocked.instance)
    assert REFUSED in said
    assert_tells_numbers_and_ways(said, blocked)


def assert_tells_numbers_and_ways(said: str, blocked: Blocked) -> None:
    """Which gate, what was measured against which bound on how many rows, and what to do."""
    numbers = r"minimum_metric_roc_auc:? failed: roc_auc 0\.\d+ .*floor 0\.9999 \(n=200\)"
    assert re.search(numbers, said)
    assert "  1. Look at what the check found, and mend the data or the model." in said
    assert f"  2. Change the gate, where its bound is wrong, in {blocked.declaration.file}" in said
    waive = "ml-platform waive small_credit minimum_metric_roc_auc --version 1 --by WHO"
    assert re.search(rf"  3\. Set `enforce: warn` .*{waive}", said)


def test_run_after_the_history_was_lost_is_refused(
    blocked: Blocked, instance: dg.DagsterInstance
) -> None:
    assert REFUSED in refused(blocked, instance)


def test_run_that_a_sensor_asks_for_is_refused(blocked: Blocked) -> None:
    @dg.sensor(asset_selection=[BENTO])
    def deploy_what_was_evaluated(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest]:
        report = context.instance.get_latest_materialization_event(REPORT)
        if report is not None:
            yield dg.RunRequest(run_key=report.run_id, asset_selection=[BENTO])

    with dg.build_sensor_context(blocked.instance, definitions=blocked.automated) as context:
        [request] = deploy_what_was_evaluated.evaluate_tick(context).run_requests or []
    assert REFUSED in refused(blocked, blocked.instance, asked=tuple(request.asset_selection or []))


def test_run_that_an_automation_condition_asks_for_is_refused(blocked: Blocked) -> None:
    asked = [result.key for result in blocked.after.results if result.true_subset.size]
    assert REFUSED in refused(blocked, blocked.instance, asked=tuple(asked))


@pytest.mark.slow
def test_command_of_dagster_in_another_process_is_refused(blocked: Blocked) -> None:
    select = ["--select", "small_credit/deployed_bento", "-m", "ml_platform.definitions"]
    done = subprocess.run(
        [sys.executable, "-m", "dagster", "asset", "materialize", *select],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
    )
    assert done.returncode != 0
    assert REFUSED in done.stdout + done.stderr


def test_altered_certificate_is_refused(blocked: Blocked, platform: Platform) -> None:
    registry, file = platform.registry, certificate_file(1)
    version = registry.get("small_credit", 1)
    issued = registry.read_artifact_text(version.run_id, file) or ""
    altered = json.loads(issued)
    for record in altered["records"]:
        record["blocks"] = False
    registry.log_artifacts(version.run_id, {file: json.dumps(altered)})
    assert "its certificate was changed" in refused(blocked, blocked.instance)
    registry.log_artifacts(version.run_id, {file: issued})
    registry.set_tags("small_credit", 1, {DIGEST_TAG: "0" * 64})
    assert "its certificate was changed" in refused(blocked, blocked.instance)
    registry.set_tags("small_credit", 1, {DIGEST_TAG: version.tags[DIGEST_TAG]})
    assert REFUSED in refused(blocked, blocked.instance)


def test_evaluation_that_was_altered_is_made_anew(blocked: Blocked, platform: Platform) -> None:
    registry = platform.registry
    run_id = registry.get("small_credit", 1).run_id
    altered = json.loads(registry.read_artifact_text(run_id, EVALUATION) or "")
    altered["evaluation"]["metrics"]["roc_auc"]["value"] = 0.99999
    registry.log_artifacts(run_id, {"evaluation.json": json.dumps(altered)}, under="evaluation")
    result = materialize(blocked.declaration, blocked.instance, only=["evaluation_report"])
    assert checks(result)["minimum_metric_roc_auc"] is False
    assert REFUSED in refused(blocked, blocked.instance)


def test_missing_certificate_is_refused(blocked: Blocked, platform: Platform) -> None:
    [file] = Path(platform.settings.artifacts_url).rglob(certificate_file(1))
    text = file.read_bytes()
    file.unlink()
    said = refused(blocked, blocked.instance)
    file.write_bytes(text)
    assert "small_credit:1 may not be deployed: it has no certificate" in said
    assert "it has to pass its gates first" in said
