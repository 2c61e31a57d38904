"""What the commands say of incidents, of messages and of a dead daemon."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ml_platform.cli.exit_codes import ExitCode
from ml_platform.cli.main import main
from ml_platform.monitoring import delivery
from ml_platform.monitoring.heartbeat import beat
from ml_platform.monitoring.incident_store import SqlIncidentStore
from ml_platform.monitoring.incidents import Incident
from ml_platform.settings import Settings
from ml_platform_tests.monitoring.findings import NOON, finding
from ml_platform_tests.spec.declarations import VALID, write


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setenv("ML_PLATFORM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ML_PLATFORM_MODELS", str(tmp_path / "models"))
    return Settings.from_environment()


@pytest.fixture
def store(settings: Settings) -> SqlIncidentStore:
    return SqlIncidentStore(settings.release_url)


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_open_incidents_are_listed_and_those_of_a_model_with_their_end(
    store: SqlIncidentStore,
) -> None:
    assert call("incidents").stdout == "no incident is open\n"
    opened = Incident.open_for(finding())
    over = Incident.open_for(finding(kind="latency", subject=""))
    store.put([opened, over.recovered(finding(1, ok=True))])
    told = call("incidents").stdout
    assert "drift (distance)" in told
    assert "latency" not in told
    lines = call("incidents", "flights").stdout.splitlines()
    assert len(lines) == 3
    [line] = [line for line in lines if "latency" in line]
    assert "2013-06-03 12:00  2013-06-03 13:00  no" in line
    assert call("incidents", "platform").stdout == "platform never had an incident\n"
    unknown = call("incidents", "flihgts")
    assert unknown.exit_code == ExitCode.USAGE
    assert "no model 'flihgts'" in unknown.stderr


def test_json_has_the_evidence(store: SqlIncidentStore) -> None:
    store.put([Incident.open_for(finding(evidence={"psi": 0.41}))])
    [shown] = json.loads(call("incidents", "--json").stdout)
    assert (shown["subject"], shown["evidence"]) == ("distance", {"psi": 0.41})


@pytest.mark.usefixtures("settings")
def test_a_test_message_goes_to_each_declared_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, ...]] = []
    monkeypatch.setattr(
        delivery,
        "send_by_apprise",
        lambda urls, *_: sent.append(tuple(urls)) or "bad" not in urls[0],
    )
    alerts = "  alerts: {urls: ['json://good/secret'], escalate_to: ['json://bad/secret']}\n"
    write(tmp_path / "models" / "shop", VALID + alerts)
    done = call("alerts", "test", "shop")
    assert sent == [("json://good/secret",), ("json://bad/secret",)]
    assert done.stdout == "json://...: sent\njson://...: not taken\n"
    assert done.exit_code == 4
    assert "secret" not in done.output


@pytest.mark.usefixtures("settings")
def test_without_an_address_it_says_where_to_write_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.delenv("ML_PLATFORM_OWNER_ALERT_URLS", raising=False)
    write(tmp_path / "models" / "shop", VALID)
    done = call("alerts", "test", "shop")
    assert done.exit_code == 2
    assert "alerts.urls: no address is declared" in done.output
    monkeypatch.setenv("ML_PLATFORM_OWNER_ALERT_URLS", "json://example.com/{owner}/s3cret")
    monkeypatch.setattr(delivery, "send_by_apprise", lambda urls, *_: sent.extend(urls) or urls)
    assert call("alerts", "test", "shop").stdout == "json://...: sent\n"
    assert sent == ["json://example.com/shop%40example.com/s3cret"]
    monkeypatch.delenv("ML_PLATFORM_ALERT_URLS", raising=False)
    assert "ML_PLATFORM_ALERT_URLS is empty" in call("alerts", "test", "platform").output


def test_status_says_who_is_told_nothing_that_the_daemon_is_dead_and_what_is_open(
    settings: Settings, store: SqlIncidentStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "models" / "shop", VALID)
    beat(settings.home, now=datetime.now(UTC))
    quiet = call("status").output
    assert "daemon:" not in quiet
    assert "nothing is sent to the owners of: credit_risk, flight_delays, shop;" in quiet
    monkeypatch.setenv("ML_PLATFORM_OWNER_ALERT_URLS", "json://example.com/{owner}")
    assert "nothing is sent" not in call("status").output
    beat(settings.home, now=datetime.now(UTC) - timedelta(minutes=6))
    incident = Incident.open_for(finding(model="shop"))
    store.put([incident.model_copy(update={"undelivered": NOON})])
    told = call("status").output
    assert "daemon: dead since " in told
    assert "start it again: ml-platform up" in told
    assert "  shop: drift (distance), warning, since 2013-06-03 12:00 UTC" in told
    assert "(not delivered since 12:00 UTC)" in told
    [shown] = json.loads(call("status", "shop", "--json").stdout)
    assert shown["daemon"].startswith("dead since ")
    assert shown["untold"] is None
    assert [each["id"] for each in shown["incidents"]] == [incident.id]
