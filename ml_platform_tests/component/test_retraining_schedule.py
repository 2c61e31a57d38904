"""A schedule notes that a training is due; the sensor alone starts it, when it may."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ml_platform.clock import VARIABLE, SimulatedClock
from ml_platform.component.assets import RETRAINING_TAG
from ml_platform.component.load import build_definitions, load_declarations
from ml_platform.component.platform import Platform
from ml_platform.component.retraining import WAITING, Waiting
from ml_platform.retraining.budget import RECENT, RecentRuns, TrainingRun
from ml_platform.spec.load import Declaration
from ml_platform_tests.component.past_runs import past_run
from ml_platform_tests.component.production_days import BEGIN
from ml_platform_tests.component.running import changed

HOUR = timedelta(hours=1)
DUE = BEGIN + timedelta(days=1, hours=3)
MODEL = "small_credit"


class Daemon:
    """Evaluates the schedule and the sensor of a model at the times that it is told."""

    def __init__(
        self, declared: Declaration, instance: dg.DagsterInstance, clock: SimulatedClock
    ) -> None:
        definitions = build_definitions(load_declarations([declared.folder]))
        self.repository = definitions.get_repository_def()
        self.instance, self.clock = instance, clock

    def schedule(self, tick: datetime = DUE) -> Any:
        self.clock.set(tick.timestamp())
        context = dg.build_schedule_context(
            instance=self.instance,
            scheduled_execution_time=tick,
            repository_def=self.repository,
        )
        return self.repository.get_schedule_def(f"{MODEL}_retraining").evaluate_tick(context)

    def sensor(self, at: datetime) -> list[dg.RunRequest]:
        self.clock.set(at.timestamp())
        with dg.build_sensor_context(
            instance=self.instance, repository_def=self.repository
        ) as context:
            found = self.repository.get_sensor_def("retraining").evaluate_tick(context)
        return list(found.run_requests or [])


@pytest.fixture
def daemon(
    declaration: Declaration,
    instance: dg.DagsterInstance,
    platform: Platform,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Daemon:
    clock = SimulatedClock.create(tmp_path / "clock", start=BEGIN)
    monkeypatch.setenv(VARIABLE, str(clock.file))
    declared = changed(
        declaration,
        "  gates:\n",
        '  retraining: {schedule: "0 3 * * *", cooldown: 6h}\n  gates:\n'
        "    - {type: no_regression, metric: roc_auc, tolerance: 0.1}\n",
    )
    return Daemon(declared, instance, clock)


def waiting(platform: Platform) -> dict[str, str]:
    return Waiting.model_validate_json(platform.handles.read(WAITING) or "").because


def recent(platform: Platform) -> tuple[TrainingRun, ...]:
    return RecentRuns.model_validate_json(platform.handles.read(RECENT) or "").runs


def test_the_schedule_starts_nothing_and_the_sensor_what_is_due(daemon: Daemon) -> None:
    assert daemon.sensor(DUE - HOUR) == []
    told = daemon.schedule()
    assert told.run_requests == []
    assert told.skip_message == "due; the sensor retraining starts it, within cool-down and budget"
    [request] = daemon.sensor(DUE)
    assert request.job_name == "small_credit_release"
    assert request.tags[RETRAINING_TAG] == f"due by its schedule at {DUE.isoformat()}"


def test_double_ticks_of_either_ask_for_one_run(daemon: Daemon) -> None:
    daemon.schedule()
    [first] = daemon.sensor(DUE + timedelta(seconds=1))
    daemon.schedule()
    [again] = daemon.sensor(DUE + timedelta(seconds=2))
    assert again.run_key == first.run_key, "Dagster starts a run key once"


def test_a_tick_that_comes_again_after_its_run_asks_for_no_other(
    daemon: Daemon, instance: dg.DagsterInstance
) -> None:
    daemon.schedule()
    past_run(instance, model=MODEL, asked=(DUE + timedelta(seconds=1)).isoformat())
    daemon.schedule()
    assert daemon.sensor(DUE + 7 * HOUR) == []


def test_a_run_that_began_just_after_the_tick_was_due_answers_it(
    daemon: Daemon, instance: dg.DagsterInstance
) -> None:
    past_run(instance, model=MODEL, asked=(DUE + timedelta(seconds=1)).isoformat())
    daemon.schedule()
    assert daemon.sensor(DUE + 7 * HOUR) == [], "the sensor was first, for another reason"


def test_what_is_due_waits_for_the_cooldown_and_is_not_lost(
    daemon: Daemon, instance: dg.DagsterInstance, platform: Platform
) -> None:
    past_run(instance, model=MODEL, asked=(DUE - HOUR).isoformat())
    daemon.schedule()
    assert daemon.sensor(DUE) == []
    assert "cooling down until" in waiting(platform)[MODEL]
    [request] = daemon.sensor(DUE + 5 * HOUR)
    assert request.tags[RETRAINING_TAG] == f"due by its schedule at {DUE.isoformat()}"
    assert waiting(platform) == {}


def test_what_is_due_waits_for_the_budget_and_says_so(
    daemon: Daemon,
    instance: dg.DagsterInstance,
    platform: Platform,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ML_PLATFORM_MAX_RUNS_PER_DAY", "1")
    past_run(instance, model="another", asked=(DUE - HOUR).isoformat())
    daemon.schedule()
    assert daemon.sensor(DUE) == []
    assert waiting(platform) == {
        MODEL: "the budget of all models: 1 of 1 runs in 24 hours are spent"
    }
    assert len(daemon.sensor(DUE + 24 * HOUR)) == 1


def test_what_is_spent_is_written_down_when_it_changes(
    daemon: Daemon, instance: dg.DagsterInstance, platform: Platform
) -> None:
    daemon.sensor(DUE)
    assert recent(platform) == ()
    past_run(instance, model=MODEL, asked=(DUE - HOUR).isoformat())
    past_run(instance, model="another", asked=(DUE - 2 * HOUR).isoformat())
    daemon.sensor(DUE)
    assert [run.model for run in recent(platform)] == ["another", MODEL]
    file = Path(platform.settings.data_url) / "handles" / RECENT
    written = file.stat().st_mtime_ns
    daemon.sensor(DUE + HOUR)
    assert file.stat().st_mtime_ns == written
    daemon.sensor(DUE + 22.5 * HOUR)
    assert [run.model for run in recent(platform)] == [MODEL]


def test_a_simulated_time_before_the_machines_is_due_in_its_own(
    daemon: Daemon, instance: dg.DagsterInstance
) -> None:
    daemon.schedule()
    daemon.clock.set(BEGIN.timestamp())
    context = dg.build_schedule_context(
        instance=instance,
        scheduled_execution_time=DUE + timedelta(days=365),
        repository_def=daemon.repository,
    )
    daemon.repository.get_schedule_def(f"{MODEL}_retraining").evaluate_tick(context)
    [request] = daemon.sensor(BEGIN + HOUR)
    assert request.tags[RETRAINING_TAG] == f"due by its schedule at {BEGIN.isoformat()}"
