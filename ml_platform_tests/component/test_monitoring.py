"""The monitoring report of a window, as an asset with its findings, and what starts it."""

import json
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from ml_platform.clock import VARIABLE, SimulatedClock
from ml_platform.component.load import build_definitions, load_declarations
from ml_platform.component.monitoring import ReportHandle, of_report, report_now
from ml_platform.component.monitoring_sensor import latest_window, latest_windows
from ml_platform.component.platform import Platform
from ml_platform.component.steps.ingest_journal import ingest_journal
from ml_platform.component.steps.monitor import MonitorOutcome
from ml_platform.monitoring.activity import Activity
from ml_platform.monitoring.checks import checks
from ml_platform.monitoring.page import report_html
from ml_platform.monitoring.report import MonitoringReport
from ml_platform.monitoring.traffic import Traffic, VersionTraffic
from ml_platform.spec.load import Declaration
from ml_platform.spec.monitoring import MonitoringSpec
from ml_platform.testing.releases import promotion
from ml_platform_tests.cli.status_page.world import ACTIVITY
from ml_platform_tests.component.production_days import BEGIN, answer, join, loans
from ml_platform_tests.component.running import (
    BEFORE_DEPLOYMENT,
    changed,
    materialize,
    materialized,
    metadata,
)
from ml_platform_tests.component.steps.test_ingest_journal import log, prediction

DAY = timedelta(days=1)
NEXT_DAY = "2024-03-04"


@pytest.fixture
def released(
    declaration: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> Declaration:
    """The small model with a champion, its labels due within an hour."""
    declared = changed(
        declaration,
        "  gates:\n",
        "  feedback: {label_delay: 1h, window: 1d}\n  gates:\n",
    )
    assert materialize(declared, instance, only=BEFORE_DEPLOYMENT).success
    platform.releases.append(promotion("small_credit", 1, version=1), expected_revision=0)
    return declared


def report(
    declared: Declaration, instance: dg.DagsterInstance, day: str = NEXT_DAY
) -> tuple[dict[str, object], dict[str, dg.AssetCheckEvaluation]]:
    result = materialize(declared, instance, only=["monitoring_report"], partition=day)
    assert result.success
    found = {check.check_name: check for check in result.get_asset_check_evaluations()}
    return metadata(result, "monitoring_report"), found


def latest(platform: Platform) -> ReportHandle:
    text = platform.handles.read("small_credit/monitoring_report/latest.json") or ""
    return ReportHandle.model_validate_json(text)


@pytest.mark.slow
def test_a_day_like_training_fails_nothing_and_shows_its_figures(
    released: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    answer(released, platform, loans(800, seed=5), labels_after=timedelta(minutes=30))
    join(released, platform)
    answer(released, platform, loans(800, seed=6, begin=BEGIN + DAY))
    shown, found = report(released, instance, "2024-03-05")
    assert {name for name, check in found.items() if not check.passed} == set()
    assert shown["predictions"] == 800
    assert shown["champion"] == 1
    assert 0.7 < shown["live_roc_auc"] <= 1, "of the day before, whose labels have matured"
    assert shown["drift_income"] < 0.2
    assert -0.2 < shown["drift_before/prediction"] < 0.2, "beside the day before"
    assert {"drift_before/income", "drift_before/confidence"} <= shown.keys()
    page = platform.settings.reports / "small_credit" / "monitoring" / "2024-03-05T0000.html"
    assert "Quality on matured labels: version 1 as champion" in page.read_text("utf-8")
    assert "purpose = car" in page.read_text("utf-8")


@pytest.mark.slow
def test_a_changed_unit_and_a_renamed_category_are_findings(
    released: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    few = loans(120, seed=4, begin=BEGIN - DAY)
    few["income"] *= 12
    answer(released, platform, few)
    _, of_few = report(released, instance, "2024-03-03")
    assert of_few["input_drift"].metadata["verdict"].value == "unclear"
    handle = latest(platform)
    assert (handle.drifted, handle.moved) == ((), {}), "what is not judged trains nothing"
    frame = loans(600, seed=5)
    frame["income"] *= 12
    frame["purpose"] = frame["purpose"].replace("house", "home")
    answer(released, platform, frame)
    shown, found = report(released, instance)
    assert {name for name, check in found.items() if not check.passed} >= {
        "input_drift",
        "data_quality",
    }
    assert "income moved by" in found["input_drift"].description
    assert "values never seen: home" in found["data_quality"].description
    assert found["input_drift"].severity is dg.AssetCheckSeverity.WARN
    assert (
        json.loads(json.dumps(found["input_drift"].metadata["subjects"].value))
        == [
            "income",
            "purpose",
        ]
        or "income" in found["input_drift"].metadata["subjects"].value
    )
    assert "evidently_report" in shown
    for name in ("prediction", "income"):
        assert f"![{name}](data:image/svg+xml;base64," in str(shown[f"beside_training/{name}"])
    page = platform.settings.reports / "small_credit" / "monitoring" / "2024-03-04T0000.html"
    assert page.read_text("utf-8").count("<svg") >= 2
    handle = latest(platform)
    assert (handle.test, set(handle.moved)) == ("population_stability", set(handle.drifted))
    assert handle.moved["income"] > 0.2


@pytest.mark.slow
def test_labels_that_turned_round_fail_live_quality(
    released: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    turned = loans(800, seed=5)
    turned["defaulted"] = ~turned["defaulted"]
    answer(released, platform, turned, labels_after=timedelta(minutes=30))
    join(released, platform)
    _, found = report(released, instance, "2024-03-05")
    assert not found["live_quality"].passed
    assert found["live_quality"].severity is dg.AssetCheckSeverity.ERROR
    assert "worse than 0.7 (gate minimum_metric_roc_auc)" in found["live_quality"].description


@pytest.mark.slow
def test_after_a_promotion_the_version_that_answered_is_judged(
    released: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    watching = changed(
        released,
        "  gates:\n",
        "  monitoring: {min_rows: 100}\n"
        "  retraining: {on_quality: {metric: roc_auc, floor: 0.99, max_drop: 0.01}}\n"
        "  gates:\n    - {type: no_regression, metric: roc_auc, tolerance: 0.5}\n",
    )
    second = changed(watching, "learning_rate: 0.3", "learning_rate: 0.2")
    assert materialize(second, instance, only=BEFORE_DEPLOYMENT).success
    answer(second, platform, loans(600, seed=5), labels_after=timedelta(minutes=30))
    tried = loans(200, seed=6)
    answer(second, platform, tried, version=2, role="candidate", labels_after=timedelta(minutes=30))
    join(second, platform)
    platform.releases.append(promotion("small_credit", 2, version=2), expected_revision=1)
    shown, found = report(second, instance, "2024-03-05")
    assert found["live_quality"].metadata["version"].value == 1
    assert "version 1 as champion" in found["live_quality"].description
    assert "on the certificate of version" not in found["live_quality"].description
    rows = [record.data for record in shown["quality_by_version"].records]
    assert {(row["version"], row["role"], row["labels"]) for row in rows} == {
        (1, "champion", 600),
        (2, "candidate", 200),
    }
    assert all("[" in row["value"] for row in rows if row["metric"] == "roc_auc")
    watched = latest(platform).quality
    assert watched is not None
    assert watched.rows == 200, "the champion is trained anew for its own faults only"


@pytest.mark.slow
def test_what_only_a_shadow_saw_is_nobodys_drift(
    released: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    answer(released, platform, loans(600, seed=5))
    strange = loans(600, seed=6)
    strange["income"] *= 12
    answer(released, platform, strange, role="shadow")
    shown, found = report(released, instance)
    assert found["input_drift"].passed
    assert shown["predictions"] == 600


@pytest.mark.slow
def test_a_report_without_predictions_or_champion_says_so(
    declaration: Declaration, instance: dg.DagsterInstance
) -> None:
    shown, found = report(declaration, instance)
    assert shown["predictions"] == 0
    assert found["predictions"].metadata["verdict"].value == "unclear"
    assert all(check.passed for check in found.values())


@pytest.mark.slow
def test_a_report_can_be_made_again(
    released: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    answer(released, platform, loans(300, seed=5))
    first, _ = report(released, instance)
    again, _ = report(released, instance)
    assert first["predictions"] == again["predictions"] == 300


@pytest.mark.slow
def test_a_report_in_this_process_is_known_as_one_of_a_run(
    released: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    answer(released, platform, loans(600, seed=5))
    _, of_run = report(released, instance)
    latest = platform.handles.read("small_credit/monitoring_report/latest.json")
    now = datetime.fromisoformat(NEXT_DAY).replace(tzinfo=UTC) + DAY
    outcome = report_now(released, platform, instance=instance, partition=NEXT_DAY, now=now)
    assert outcome.report.predictions == 600
    assert platform.handles.read("small_credit/monitoring_report/latest.json") == latest
    key = dg.AssetKey(["small_credit", "monitoring_report"])
    event = instance.get_latest_materialization_event(key)
    assert event is not None
    assert event.run_id == ""
    assert event.asset_materialization.partition == NEXT_DAY
    records = instance.event_log_storage.get_latest_asset_check_execution_by_key(
        [dg.AssetCheckKey(key, name) for name in of_run]
    )
    passed = {
        key.name: record.event.dagster_event.asset_check_evaluation_data.passed
        for key, record in records.items()
    }
    assert passed == {name: check.passed for name, check in of_run.items()}


@pytest.mark.slow
def test_an_hourly_report_has_its_hour_its_cost_and_an_estimate_before_the_labels(
    declaration: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    declared = changed(
        declaration,
        "  gates:\n",
        "  monitoring: {partition: hourly}\n  serving: {machine_hour_price: 3}\n  gates:\n",
    )
    early = [prediction(number, at=BEGIN.timestamp() + 60 + number) for number in range(40)]
    late = [prediction(number, at=BEGIN.timestamp() + 3600 + number) for number in range(40, 100)]
    log(declared, [*early, *late])
    ingest_journal(declared, platform, now=BEGIN + DAY)
    promised = {
        "matured": [(BEGIN - DAY).isoformat(), BEGIN.isoformat()],
        "estimate": {
            "rows": 100,
            "calibrated_on": 400,
            "confidence": 0.95,
            "metrics": {"accuracy": {"value": 0.75, "low": 0.7, "high": 0.8}},
            "caution": "no label was seen",
        },
    }
    platform.handles.write("small_credit/labeled_feedback/latest.json", json.dumps(promised))
    shown, found = report(declared, instance, "2024-03-04-01:00")
    assert (shown["predictions"], shown["cost_per_1000"]) == (60, 50)
    assert shown["estimated/accuracy"] == 0.75
    assert found["live_quality"].metadata["verdict"].value == "unclear", "an estimate fails nothing"
    page = platform.settings.reports / "small_credit" / "monitoring" / "2024-03-04T0100.html"
    assert "no label was seen" in page.read_text("utf-8")
    assert "estimated/accuracy" not in report(declared, instance, "2024-03-03-22:00")[0]


@pytest.mark.slow
def test_the_report_of_an_old_window_is_not_the_latest(
    declaration: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    report(declaration, instance, "2024-03-05")
    shown, found = report(declaration, instance, NEXT_DAY)
    assert "requests" not in shown
    assert found["errors"].metadata["verdict"].value == "unclear"
    assert latest(platform).begin == BEGIN + DAY


def test_requests_of_versions_plot_and_those_counted_elsewhere_are_named(
    platform: Platform,
) -> None:
    errors, refusals = {"raised": 1}, {"missing": 1, "out_of_range": 1}
    served = VersionTraffic(
        version="2", role="champion", requests=5, errors=errors, refusals=refusals, seconds=0.1
    )
    made = MonitoringReport(
        model="small_credit",
        begin=BEGIN,
        end=BEGIN + DAY,
        made=BEGIN + DAY,
        champion=1,
        traffic=Traffic(requests=5, versions=(served,), elsewhere=("there",)),
        activity=(Activity.model_validate(ACTIVITY),),
        cost=2.0,
    )
    page = platform.settings.reports / "page.html"
    made = made.model_copy(update={"checks": checks(made, MonitoringSpec())})
    outcome = MonitorOutcome(report=made, page=page, evidently=None)
    shown = of_report(outcome, platform.settings)
    assert (shown["requests"], shown["requests_not_counted"]) == (5, "those of there")
    figures = {name: value for name, value in shown.items() if name.endswith("/2_champion")}
    assert figures == {
        "requests/2_champion": 5,
        "errors/2_champion": 1,
        "refusals/2_champion": 2,
        "cost/2_champion": 2.0,
        "p95_ms/2_champion": 0.52,
    }
    assert "5 since the last report that counted, without those of there" in report_html(made)


def tick(
    declared: Declaration, instance: dg.DagsterInstance, cursor: str | None = None
) -> dg.SensorResult:
    repository = build_definitions(load_declarations([declared.folder])).get_repository_def()
    context = dg.build_sensor_context(instance=instance, cursor=cursor, repository_def=repository)
    return repository.get_sensor_def("monitoring").evaluate_tick(context)


def test_sensor_asks_for_each_window_once(
    declaration: Declaration,
    instance: dg.DagsterInstance,
    platform: Platform,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path,
) -> None:
    clock = SimulatedClock.create(tmp_path / "clock", start=BEGIN + DAY + timedelta(minutes=11))
    monkeypatch.setenv(VARIABLE, str(clock.file))
    assert tick(declaration, instance).run_requests == [], "nothing was ever predicted"
    (platform.settings.home / "data" / "small_credit" / "inference_log" / "_delta_log").mkdir(
        parents=True
    )
    first = tick(declaration, instance)
    [request] = first.run_requests
    assert (request.run_key, request.partition_key) == (f"small_credit:{NEXT_DAY}", NEXT_DAY)
    assert tick(declaration, instance, first.cursor).run_requests == []
    clock.set((BEGIN + 2 * DAY + timedelta(minutes=11)).timestamp())
    [later] = tick(declaration, instance, first.cursor).run_requests
    assert later.partition_key == "2024-03-05"
    loaded = build_definitions(load_declarations([declaration.folder]))
    job = loaded.get_repository_def().get_job("small_credit_monitoring")
    own = job.get_tags_for_partition_key("2024-03-05", selected_asset_keys=None)
    assert own.items() <= later.tags.items(), "the tags that Dagster would add"


def test_a_model_can_switch_reports_off(
    declaration: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    put = platform.settings.home / "data" / "small_credit" / "inference_log" / "_delta_log"
    put.mkdir(parents=True)
    assert len(tick(declaration, instance).run_requests) == 1
    off = changed(declaration, "  gates:\n", "  monitoring: {automatic: false}\n  gates:\n")
    assert tick(off, instance).run_requests == []


@pytest.mark.parametrize(
    ("kind", "minute", "expected"),
    [
        ("daily", 9, "2024-03-02"),
        ("daily", 10, "2024-03-03"),
        ("hourly", 9, "2024-03-03-22:00"),
        ("hourly", 10, "2024-03-03-23:00"),
    ],
)
def test_a_window_is_over_when_its_last_predictions_are_there(
    kind: str, minute: int, expected: str
) -> None:
    assert latest_window(kind, now=datetime(2024, 3, 4, 0, minute, tzinfo=UTC)) == expected


@pytest.mark.parametrize(
    ("kind", "schedule", "now", "expected"),
    [
        ("hourly", "0 * * * *", (14, 0), "2024-03-04-12:00"),
        ("hourly", "0 * * * *", (14, 9), "2024-03-04-12:00"),
        ("hourly", "0 * * * *", (14, 10), "2024-03-04-13:00"),
        ("hourly", "0 * * * *", (15, 0), "2024-03-04-13:00"),
        ("hourly", "30 */6 * * *", (17, 0), "2024-03-04-11:00"),
        ("hourly", "*/5 * * * *", (14, 5), "2024-03-04-12:00"),
        ("daily", "0 0 * * *", (0, 9), "2024-03-02"),
        ("daily", "0 0 * * *", (0, 10), "2024-03-03"),
        ("daily", "0 6 * * *", (5, 59), "2024-03-02"),
        ("daily", "0 6 * * *", (6, 0), "2024-03-03"),
        ("daily", "0 0 * * 0", (12, 0), "2024-03-02"),
    ],
)
def test_a_schedule_reports_on_the_window_that_is_over_at_its_times(
    kind: str, schedule: str, now: tuple[int, int], expected: str
) -> None:
    spec = MonitoringSpec.model_validate({"partition": kind, "schedule": schedule})
    at = datetime(2024, 3, 4, *now, tzinfo=UTC)
    assert latest_windows({"loans": spec}, now=at) == {"loans": expected}


def test_a_report_on_the_full_hour_is_of_the_hour_before_once_it_is_ingested(
    declaration: Declaration,
    instance: dg.DagsterInstance,
    platform: Platform,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path,
) -> None:
    declared = changed(
        declaration,
        "  gates:\n",
        '  monitoring: {schedule: "0 */2 * * *", partition: hourly}\n  gates:\n',
    )
    (platform.settings.home / "data" / "small_credit" / "inference_log" / "_delta_log").mkdir(
        parents=True
    )
    clock = SimulatedClock.create(tmp_path / "clock", start=BEGIN + timedelta(hours=14, minutes=10))
    monkeypatch.setenv(VARIABLE, str(clock.file))
    first = tick(declared, instance)
    [request] = first.run_requests
    assert request.partition_key == f"{BEGIN:%Y-%m-%d}-13:00"
    for hours, minutes in ((15, 30), (16, 0), (16, 9)):
        clock.set((BEGIN + timedelta(hours=hours, minutes=minutes)).timestamp())
        assert tick(declared, instance, first.cursor).run_requests == []
    clock.set((BEGIN + timedelta(hours=16, minutes=10)).timestamp())
    [later] = tick(declared, instance, first.cursor).run_requests
    assert later.partition_key == f"{BEGIN:%Y-%m-%d}-15:00"


@pytest.mark.slow
def test_every_report_is_a_materialization_of_its_partition(
    released: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    answer(released, platform, loans(300, seed=5))
    result = materialize(released, instance, only=["monitoring_report"], partition=NEXT_DAY)
    assert materialized(result) == ["monitoring_report"]
    key = dg.AssetKey(["small_credit", "monitoring_report"])
    assert instance.get_materialized_partitions(key) == {NEXT_DAY}
