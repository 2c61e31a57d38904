"""A week of the small model as production, with a real daemon and its sensors doing the work."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ml_platform.component.assets import RETRAINING_TAG
from ml_platform.component.feedback import LabeledFeedback
from ml_platform.component.instance import open_instance
from ml_platform.component.monitoring_sensor import latest_window
from ml_platform.component.platform import Platform
from ml_platform.component.retraining import BY_PLATFORM
from ml_platform.feedback.inference_table import InferenceTable
from ml_platform.replay.faults import parse_fault
from ml_platform.replay.loop import Replay, run_replay, simulated
from ml_platform.replay.timeline import Labels
from ml_platform.settings import Settings
from ml_platform_tests.component.daemon import MODELS, Daemon, running_daemon
from ml_platform_tests.component.running import (
    BEFORE_DEPLOYMENT,
    changed,
    materialize,
    small_credit,
)
from ml_platform_tests.monitoring.webhook import listening

BEGIN = datetime(2024, 2, 3, tzinfo=UTC)
HALF = timedelta(days=3, hours=12)
NAME = "small_credit"
BLOCKED = dg.AssetKey(["blocked_credit", "deployed_bento"])
LOOP = """\
  feedback: {{label_delay: 1h, window: 1d, drop_folder: labels, audit: {{min_rows: 10}}}}
  retraining: {{min_new_labels: 60, cooldown: 30d}}
  monitoring: {{start: 2024-01-01, min_rows: 10, evidently: never}}
  alerts: {{urls: ['{url}']}}
  serving: {{workers: 1, journal: {{segment_seconds: 1}}}}
  gates:
    - {{type: no_regression, metric: roc_auc, tolerance: 0.1, on_inconclusive: warn}}
"""
AUTOMATED = """
import dagster as dg

def eager(spec):
    if spec.key.path[-1] != "deployed_bento":
        return spec
    return spec.replace_attributes(automation_condition=dg.AutomationCondition.eager())

def eager_assets():
    blocked = build_definitions(load_declarations([Path({folder!r})]))
    return [asset.map_asset_specs(eager) for asset in blocked.assets]

asked = dg.AutomationConditionSensorDefinition(
    "asked_for_by_dagster",
    target=dg.AssetSelection.all(),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=4,
)
defs = dg.Definitions.merge(defs, dg.Definitions(assets=eager_assets(), sensors=[asked]))
"""
"""Beside them a model whose Bento Dagster itself asks for, whenever it was evaluated anew."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


class Watching:
    """Lets simulated time go on only when the daemon has done what is due."""

    def __init__(self, daemon: Daemon, settings: Settings, instance: dg.DagsterInstance) -> None:
        self.daemon, self.platform, self.instance = daemon, Platform(settings), instance
        self.predictions = 0

    def __call__(self, now: datetime, text: str) -> None:
        number, _, what = text.partition(" ")
        if what != "predictions" or int(number) == self.predictions:
            return
        self.predictions = int(number)
        self.daemon.wait_for(lambda: self.logged() == self.predictions, f"{text} to be logged")
        window = latest_window("daily", now=now)
        self.daemon.wait_for(lambda: window in self.reported(), f"the report of {window}")

    def logged(self) -> int:
        return InferenceTable(self.platform.settings.data_url, NAME).read(columns=["role"]).num_rows

    def reported(self) -> set[str]:
        key = dg.AssetKey([NAME, "monitoring_report"])
        return self.instance.get_materialized_partitions(key)

    def labels(self) -> dict[str, int]:
        text = self.platform.handles.read(f"{NAME}/labeled_feedback/latest.json")
        return LabeledFeedback.model_validate_json(text).counts if text else {}

    def trainings(self) -> list[dg.DagsterRun]:
        return list(self.instance.get_runs(dg.RunsFilter(tags={BY_PLATFORM: "true"})))

    def trained_again(self) -> bool:
        """Whether a run that the platform began has made a second version."""
        made = any(run.is_success for run in self.trainings())
        return made and len(self.platform.registry.versions(NAME)) > 1


def asked_by_dagster(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """The runs that ended of those that an automation condition asked for."""
    wanted = dg.RunsFilter(tags={"dagster/from_automation_condition": "true"})
    return [run for run in instance.get_runs(wanted) if run.is_finished]


def assert_refused(run: dg.DagsterRun, watching: Watching) -> None:
    """It was to deploy what a gate had stopped, and says why it did not."""
    assert run.asset_selection == {BLOCKED}
    assert run.is_failure
    told = [
        event.dagster_event.step_failure_data.error_display_string
        for event in watching.instance.all_logs(run.run_id, dg.DagsterEventType.STEP_FAILURE)
        if event.dagster_event is not None
    ]
    assert "blocked_credit:1 may not be deployed: minimum_metric_roc_auc failed" in told[0]
    assert watching.platform.releases.state("blocked_credit").champion is None


def drifts(told: list[dict[str, Any]]) -> list[str]:
    """The messages about the column whose unit changed."""
    messages = [f"{each['title']}: {each['message']}" for each in told]
    return [text for text in messages if "drift" in text and "income" in text]


def test_a_real_daemon_closes_the_loop_with_nobody_at_the_keyboard(tmp_path: Path) -> None:
    with listening() as (url, told):
        looped = changed(small_credit(tmp_path / NAME), "  gates:\n", LOOP.format(url=url))
        blocked = changed(
            small_credit(tmp_path / "blocked_credit"), f"name: {NAME}", "name: blocked_credit"
        )
        blocked = changed(blocked, "floor: 0.7}", "floor: 0.9999}")
        location = MODELS.format(folder=str(looped.folder)) + AUTOMATED.format(
            folder=str(blocked.folder)
        )
        dropped = looped.folder / "labels" / "bank.csv"
        dropped.parent.mkdir()
        dropped.write_text("prediction_id,label\nnobody,true\n", encoding="utf-8")
        os.utime(dropped, (1_000_000, 1_000_000))
        week = Replay(
            begin=BEGIN,
            end=BEGIN + 2 * HALF,
            labels=Labels(timedelta(minutes=10), missing=0.05),
            faults=(parse_fault("unit:income:12@2024-02-08..2024-02-10"),),
            every=HALF,
        )
        with (
            simulated(tmp_path / "home", start=BEGIN) as (settings, clock),
            running_daemon(settings, code=location, folder=tmp_path) as daemon,
            open_instance(settings) as instance,
        ):
            watching = Watching(daemon, settings, instance)
            done = run_replay(looped, settings, clock, week, told=watching, daemon=True)
            assert not materialize(blocked, instance, only=BEFORE_DEPLOYMENT).success
            clock.set(clock() + 3600)  # labels are joined every few minutes at most
            labels = done.tally.labels + 1
            daemon.wait_for(
                lambda: sum(watching.labels().values()) == labels, f"{labels} labels joined"
            )
            daemon.wait_for(watching.trained_again, "the retraining to end")
            daemon.wait_for(lambda: drifts(told), "the owner to be told of the fault")
            daemon.wait_for(lambda: asked_by_dagster(instance), "an automation to ask")
            assert_refused(asked_by_dagster(instance)[0], watching)
            reasons = [run.tags[RETRAINING_TAG] for run in watching.trainings()]
    assert done.tally.predictions == watching.logged() == 7 * 24
    assert watching.labels() == {"joined": done.tally.labels, "unknown": 1}
    assert not dropped.exists()
    assert "matured labels are new" in reasons[-1]
