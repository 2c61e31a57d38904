"""The shipped model through its own gates, on a month of its flights and with fewer rounds."""

import shutil
from pathlib import Path

import dagster as dg
import pytest

from ml_platform.clock import utc_now
from ml_platform.component.platform import Platform
from ml_platform.component.steps.certify import verified_certificate
from ml_platform.settings import Settings
from ml_platform.spec.load import Declaration, load_declaration
from ml_platform.spec.roots import SHIPPED
from ml_platform_tests.component.running import (
    changed,
    checks,
    failure,
    materialize,
    metadata,
)

JUDGED = (
    "contract",
    "contract_drift_last",
    "training_smoke",
    "leakage",
    "minimum_metric_roc_auc",
    "minimum_metric_average_precision",
    "no_regression_roc_auc",
    "no_regression_average_precision",
    "model_size",
)


def one_month(folder: Path) -> Declaration:
    """As it is shipped, but for what takes time."""
    shutil.copytree(SHIPPED / "flight_delays", folder)
    declaration = load_declaration(folder / "defs.yaml")
    for old, new in (
        ("end: 2013-04-01", "end: 2013-02-01"),
        ("rounds: 200", "rounds: 60"),
        ("slices: [origin, carrier]", "slices: [origin, carrier], bootstrap: 20, evidently: never"),
    ):
        declaration = changed(declaration, old, new)
    return declaration


@pytest.mark.slow
def test_real_flights_pass_every_gate_and_are_served_by_the_champion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setenv("ML_PLATFORM_HOME", str(tmp_path / "home"))
    declaration = one_month(tmp_path / "flight_delays")
    with dg.DagsterInstance.ephemeral() as instance:
        run = materialize(declaration, instance)
    assert run.success, failure(run)
    judged, platform = checks(run), Platform(Settings.from_environment())
    assert all(judged[check] for check in JUDGED)  # latency warns alone, of a busy machine, too
    certificate = verified_certificate(declaration, platform, 1, now=utc_now())
    verdicts = {record.check: record.result.verdict for record in certificate.records}
    assert verdicts.keys() == {*JUDGED, "latency"}
    assert {verdicts[check] for check in JUDGED} == {"passed"}
    assert judged.keys() == {*verdicts, "service_smoke"}
    assert judged["service_smoke"], "a Bento answered 200 flights of the holdout as the model does"
    assert metadata(run, "deployed_bento")["bento"] == "flight_delays:1"
    assert platform.releases.state("flight_delays").champion == 1
    report = metadata(run, "evaluation_report")
    assert 0.88 < float(str(report["metric/roc_auc"])) < 0.93
    assert 0.8 < float(str(report["metric/average_precision"])) < 0.9
