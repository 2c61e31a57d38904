"""The platform as a person meets it: real webserver, real daemon, real browser."""

import re
from pathlib import Path

import pytest

from ml_platform_tests.ui.browser import Browser
from ml_platform_tests.ui.dagster_client import ASSETS, DagsterClient, Run
from ml_platform_tests.ui.running import RunningPlatform
from ml_platform_tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # a busy machine takes long to start

MINUTELY, DATA = "broken_credit_retraining", "broken_credit_new_data"
GRAPH = "/locations/ml_platform.definitions/asset-groups/{}/lineage"


@pytest.fixture(scope="module")
def dagster(platform: RunningPlatform) -> DagsterClient:
    return platform.dagster


@pytest.fixture(scope="module")
def clicked(browser: Browser, dagster: DagsterClient) -> str:
    """The id of the run that a click on `Materialize all` starts; it goes on beside other tests."""
    browser.open(GRAPH.format("small_credit"))
    browser.see("deployed_bento")
    browser.click("Materialize all")
    return until(
        lambda: [run.run_id for run in dagster.runs() if not _by_daemon(run)],
        "a run to be launched by the click",
        pause=0.5,
    )[0]


@pytest.fixture(scope="module")
def clicked_run(clicked: str, dagster: DagsterClient) -> Run:
    return dagster.wait_for_run(clicked)


@pytest.fixture(scope="module")
def looked_run(dagster: DagsterClient) -> Run:
    """The first run that a schedule starts, to look for new data; the last one is over."""
    found = until(
        lambda: [run.run_id for run in dagster.runs() if _looked(run)],
        "the daemon to look for new data",
        seconds=180,
        pause=0.5,
    )
    dagster.stop_schedule(DATA)
    ended = [dagster.wait_for_run(run.run_id) for run in dagster.runs() if _looked(run)]
    return next(run for run in ended if run.run_id == found[-1])


@pytest.fixture(scope="module")
def scheduled_run(looked_run: Run, dagster: DagsterClient) -> Run:
    """The first run that the daemon starts by itself; there is no second."""
    assert looked_run.over
    run_id = until(
        lambda: [run.run_id for run in dagster.runs() if _retrained(run)],
        "the daemon to launch what the schedule notes as due",
        seconds=180,
        pause=0.5,
    )[-1]
    dagster.stop_schedule(MINUTELY)
    return dagster.wait_for_run(run_id)


def _retrained(run: Run) -> bool:
    return run.tags.get("dagster/sensor_name") == "retraining"


def _looked(run: Run) -> bool:
    return run.tags.get("dagster/schedule_name") == DATA


def _by_daemon(run: Run) -> bool:
    return _retrained(run) or _looked(run)


def test_asset_graph_of_the_shipped_model_shows_its_five_assets(browser: Browser) -> None:
    browser.open(GRAPH.format("flight_delays"))
    for asset in ASSETS:
        assert browser.see(asset).is_displayed()


def test_shipped_schedule_is_on(dagster: DagsterClient, browser: Browser) -> None:
    schedule = dagster.schedule("flight_delays_retraining")
    assert schedule["scheduleState"]["status"] == "RUNNING"
    assert (schedule["cronSchedule"], schedule["executionTimezone"]) == (
        "0 3 * * *",
        "America/New_York",
    )
    browser.open("/automation")
    assert browser.see("flight_delays_retraining").is_displayed()


def test_click_on_materialize_all_launches_a_run_of_the_group(
    clicked: str, dagster: DagsterClient
) -> None:
    [run] = dagster.runs(runIds=[clicked])
    assert run.assets == {("small_credit", asset) for asset in ASSETS}


def test_due_schedule_leads_to_a_run_by_itself(scheduled_run: Run) -> None:
    assert scheduled_run.tags["ml_platform/model"] == "broken_credit"


def test_data_schedule_reads_and_validates_the_source_by_itself(
    looked_run: Run, dagster: DagsterClient
) -> None:
    assert looked_run.tags["ml_platform/model"] == "broken_credit"
    assert looked_run.status == "FAILURE", "its data break the contract"
    assert "broken_credit/validated_data is blocked" in dagster.failure(looked_run.run_id)


def test_broken_contract_shows_and_nothing_below_is_materialized(
    scheduled_run: Run, dagster: DagsterClient, browser: Browser
) -> None:
    assert scheduled_run.status == "FAILURE"
    made = dagster.materialized("broken_credit")
    assert [asset for asset in ASSETS if made[asset]] == ["raw_data"]
    browser.open("/assets/broken_credit/validated_data?view=checks")
    browser.see("Failed")
    assert browser.see_within("purpose").is_displayed()
    browser.open(GRAPH.format("broken_credit"))
    browser.see("deployed_bento")
    until(
        lambda: browser.lines().count("Materialized") == 1 and browser.lines().count("Failed") == 4,
        "raw_data to show as materialized and all below it as failed",
        pause=0.5,
    )


def test_declaration_that_does_not_load_shows_where_it_is_wrong(browser: Browser) -> None:
    where = re.compile(r"/.*/typo_credit/defs\.yaml:\d+: gates\[0\]\.metric: unknown metric")
    browser.open("/assets/typo_credit/broken_declaration")
    told = until(  # the page shows its Markdown as plain text first, then rendered
        lambda: [line for line in browser.lines() if where.match(line)],
        "the error to show, rendered",
        pause=0.5,
    )[0]
    assert "did you mean 'roc_auc'?" in told
    assert told.endswith("roc_auc)"), "cut where the line ends"


def test_materialization_launched_by_a_click_succeeds(
    clicked_run: Run, dagster: DagsterClient, browser: Browser
) -> None:
    assert clicked_run.status == "SUCCESS"
    assert set(dagster.materialized("small_credit").values()) == {clicked_run.run_id}
    assert set(dagster.checks("small_credit").values()) == {"SUCCEEDED"}
    browser.open(f"/runs/{clicked_run.run_id}")
    assert browser.see("Success").is_displayed()


def test_evaluation_page_shows_metrics_and_curves(clicked_run: Run, browser: Browser) -> None:
    browser.open("/assets/small_credit/evaluation_report?view=events")
    browser.see("metric/roc_auc")
    browser.see("minimum_metric_roc_auc")
    assert all(width > 300 < height for width, height in browser.pictures())


def test_two_runs_of_one_model_take_turns(dagster: DagsterClient) -> None:
    asked = [dagster.launch("small_credit_release", [("small_credit", "raw_data")]) for _ in "12"]
    first, second = sorted(
        (dagster.wait_for_run(run_id) for run_id in asked), key=lambda run: run.started or 0
    )
    assert (first.status, second.status) == ("SUCCESS", "SUCCESS")
    assert first.ended is not None
    assert second.started is not None
    assert first.ended <= second.started


def test_launch_of_deployed_bento_alone_without_a_certificate_fails_with_the_reason(
    clicked_run: Run, platform: RunningPlatform, dagster: DagsterClient, browser: Browser
) -> None:
    assert clicked_run.status == "SUCCESS"
    [certificate] = Path(platform.settings.artifacts_url).rglob("certificate-v1.json")
    certificate.unlink()
    alone = dagster.launch("small_credit_release", [("small_credit", "deployed_bento")])
    assert dagster.wait_for_run(alone).status == "FAILURE"
    assert "small_credit:1 may not be deployed: it has no certificate" in dagster.failure(alone)
    browser.open(f"/runs/{alone}")
    assert browser.see("Failure").is_displayed()
