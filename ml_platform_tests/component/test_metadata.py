"""What the page of `deployed_bento` shows of the certificate."""

from datetime import UTC, datetime, timedelta

import pytest

from ml_platform.component.handles import DeployedBento
from ml_platform.component.metadata import Metadata, of_deployment
from ml_platform.component.platform import Platform
from ml_platform.component.steps.deploy import BuiltBento
from ml_platform.component.steps.release import ReleaseOutcome
from ml_platform.registry.memory import InMemoryRegistry
from ml_platform.registry.waiver import Waiver
from ml_platform_tests.registry.test_certificate import certificate, record

NOW = datetime(2026, 3, 1, tzinfo=UTC)
OUTCOME = ReleaseOutcome("version 3 is champion now", 1)


@pytest.fixture
def platform(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """The stores of the home, with one run of MLflow in memory."""
    registry = InMemoryRegistry()
    registry.open_run("flights", dagster_run_id="d")
    monkeypatch.setattr(Platform, "registry", registry)
    return platform


def deployment(built: BuiltBento, platform: Platform) -> Metadata:
    return of_deployment(built, OUTCOME, platform, run_id="run-1", now=NOW)


def shown(platform: Platform, *waivers: Waiver) -> list[list[str]]:
    """The rows of the table, its head first."""
    issued = certificate(record("contract"), record("latency", "failed", blocks=True))
    issued = issued.model_copy(update={"waivers": waivers})
    handle = DeployedBento(tag="flights:3", version=3, certificate=issued.digest)
    built = BuiltBento(handle, issued, (), reused=False)
    table = str(deployment(built, platform)["certified_gates"].value)
    rows = [line[1:-1].split("|") for line in table.splitlines() if line.startswith("|")]
    return [rows[0], *rows[2:]]


def test_certificate_is_a_table_of_every_gate(platform: Platform) -> None:
    assert shown(platform) == [
        ["gate", "verdict", "reason"],
        ["contract", "passed", "roc_auc 0.61 is below 0.70"],
        ["latency", "failed", "roc_auc 0.61 is below 0.70"],
    ]


def test_what_the_verdicts_are_about_is_a_table_of_its_own(platform: Platform) -> None:
    issued = certificate(record("contract"))
    handle = DeployedBento(tag="flights:3", version=3, certificate=issued.digest)
    built = BuiltBento(handle, issued, (), reused=False)
    table = str(deployment(built, platform)["certified"].value).splitlines()
    assert table[0] == "|of|is|"
    told = dict(line.strip("|").split("|") for line in table[2:])
    assert told == {
        "certificate": "flights:3",
        "digest": issued.digest,
        "issued": "2026-01-02 00:00:00 UTC",
        "data": "flights/validated_data@2, 10 rows, ab",
        "contract": "version 1",
        "code": "c0de, commit unknown",
        "environment": "python 3.11, xgboost 3.2.0",
    }


def test_waiver_stands_beside_its_gate_and_says_when_it_is_over(platform: Platform) -> None:
    waiver = Waiver(
        check="latency",
        version=3,
        by="Ada",
        reason="new hardware",
        until=NOW + timedelta(days=1),
        granted_at=NOW - timedelta(days=1),
    )
    head, contract, latency = shown(platform, waiver)
    assert (head[3], contract[3]) == ("waiver", "")
    assert latency[3] == "waived by Ada until 2026-03-02 00:00 UTC: new hardware"
    [*_, latency] = shown(platform, waiver.model_copy(update={"until": NOW}))
    assert latency[3] == "waived by Ada until 2026-03-01 00:00 UTC: new hardware (over)"
