"""The source is read and validated on a schedule of its own; what is new starts a training."""

import dagster as dg
import pytest

from ml_platform.component.alerts import scope_of
from ml_platform.component.handles import TrainedModel, ValidatedData
from ml_platform.component.load import build_definitions, load_declarations
from ml_platform.component.platform import Platform
from ml_platform.component.retraining import decide
from ml_platform.component.retraining_facts import note_due
from ml_platform.retraining.plan import Start
from ml_platform.spec.load import Declaration
from ml_platform_tests.component.production_days import BEGIN
from ml_platform_tests.component.running import changed

NAME, TRAINING = "small_credit_new_data", "small_credit_retraining"
TRIGGERS = """\
  retraining: {on_new_data: true, data_schedule: "0 2 * * *", timezone: Europe/Berlin}
  gates:
    - {type: no_regression, metric: roc_auc, tolerance: 0.1}
"""


@pytest.fixture
def watched(declaration: Declaration) -> Declaration:
    return changed(declaration, "  gates:\n", TRIGGERS)


def repository(declared: Declaration) -> dg.RepositoryDefinition:
    return build_definitions(load_declarations([declared.folder])).get_repository_def()


def looked(declared: Declaration, instance: dg.DagsterInstance) -> list[str]:
    """Run the job of the schedule; the assets that it materialized."""
    result = repository(declared).get_job(NAME).execute_in_process(instance=instance)
    events = result.get_asset_materialization_events()
    return [event.asset_key.path[-1] for event in events if event.asset_key]


def trained_on_what_is_validated(platform: Platform) -> None:
    validated = ValidatedData.model_validate_json(
        platform.handles.read("small_credit/validated_data/latest.json") or ""
    )
    handle = TrainedModel(
        version=1, run_id="r", fingerprint="f", snapshot=validated.snapshot, reused=False,
        asked_at=BEGIN,
    )  # fmt: skip
    platform.handles.write("small_credit/trained_model/latest.json", handle.model_dump_json())


def test_the_schedule_starts_one_run_a_tick_from_the_start_on(
    watched: Declaration, instance: dg.DagsterInstance
) -> None:
    schedule = repository(watched).get_schedule_def(NAME)
    assert (schedule.job_name, schedule.execution_timezone) == (NAME, "Europe/Berlin")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    context = dg.build_schedule_context(instance=instance, scheduled_execution_time=BEGIN)
    [[first], [again]] = [schedule.evaluate_tick(context).run_requests or () for _ in range(2)]
    assert first.run_key == again.run_key == f"small_credit:new_data:{BEGIN.isoformat()}"
    assert first.tags["ml_platform/model"] == "small_credit"


def test_what_the_job_finds_new_starts_a_training(
    watched: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    assert looked(watched, instance) == ["raw_data", "validated_data"]
    trained_on_what_is_validated(platform)
    assert looked(watched, instance) == ["raw_data", "validated_data"]
    assert decide([watched], platform, [], now=BEGIN) == [], "the same data"
    more = changed(watched, "rows: 1000", "rows: 1100")
    looked(more, instance)
    [start] = decide([more], platform, [], now=BEGIN)
    assert isinstance(start, Start)
    assert start.why.startswith("validated data changed to ")


def test_a_model_can_switch_trainings_off_and_keep_what_it_declares(
    watched: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    due = changed(watched, "on_new_data: true", "schedule: '0 3 * * *', on_new_data: true")
    assert {each.name for each in repository(due).schedule_defs} == {NAME, TRAINING}
    note_due(platform, "small_credit", tick=BEGIN, now=BEGIN)
    assert [each.job_name for each in asked(due, instance)] == ["small_credit_release"]
    off = changed(due, "on_new_data: true", "on_new_data: true, automatic: false")
    assert repository(off).schedule_defs == []
    assert asked(off, instance) == []
    assert NAME in {job.name for job in repository(off).get_all_jobs()}, "a person may look"


def asked(declared: Declaration, instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    """What a tick of the sensor asks for."""
    found = repository(declared)
    with dg.build_sensor_context(instance=instance, repository_def=found) as context:
        return list(found.get_sensor_def("retraining").evaluate_tick(context).run_requests or [])


def test_a_model_without_it_has_neither_job_nor_schedule(declaration: Declaration) -> None:
    found = repository(declaration)
    assert NAME not in {job.name for job in found.get_all_jobs()}
    assert NAME not in {schedule.name for schedule in found.schedule_defs}


def test_a_schedule_that_fails_is_told_to_the_owner_of_its_model(watched: Declaration) -> None:
    assert scope_of([watched]).instigators[NAME] == "small_credit"
