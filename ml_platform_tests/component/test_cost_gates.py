"""Gates that measure what a version costs, beside the champion that is in production."""

import dagster as dg
import pytest
from click.testing import CliRunner

from ml_platform.cli.exit_codes import ExitCode
from ml_platform.cli.main import main
from ml_platform.component.platform import Platform
from ml_platform.component.steps.certify import intact_certificate
from ml_platform.spec.load import Declaration
from ml_platform.testing.stores import promotion
from ml_platform_tests.component.running import (
    BEFORE_DEPLOYMENT,
    changed,
    failure,
    materialize,
)

FLOOR = "    - {type: minimum_metric, metric: roc_auc, floor: 0.7}\n"
GATES = (
    "    - {type: latency, max_increase: 5, seconds: 0.1}\n"
    "    - {type: memory, max_increase: 0.5}\n"
    "    - {type: model_size, max_increase: 0.1}\n"
)


def of(platform: Platform, version: int) -> dict:
    certificate = intact_certificate(platform, "small_credit", version)
    assert certificate is not None
    return {record.check: record.result for record in certificate.records}


@pytest.mark.slow
def test_candidate_is_measured_beside_the_champion_and_once(
    declaration: Declaration,
    instance: dg.DagsterInstance,
    platform: Platform,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gated = changed(declaration, FLOOR, FLOOR + GATES)
    result = materialize(gated, instance, only=BEFORE_DEPLOYMENT)
    assert result.success, failure(result)
    for check in ("latency", "memory", "model_size"):
        assert "first release" in of(platform, 1)[check].reason
    platform.releases.append(promotion("small_credit", 1, 1), expected_revision=0)
    assert materialize(gated, instance, only=BEFORE_DEPLOYMENT).success
    assert "first release" in of(platform, 1)["latency"].reason, "measured again for nothing"

    larger = changed(gated, "rounds: 20", "rounds: 60")
    result = materialize(larger, instance, only=BEFORE_DEPLOYMENT)
    assert not result.success
    assert "model_size: failed" in failure(result)
    measured = of(platform, 2)
    assert "against version 1" in measured["latency"].reason
    assert measured["latency"].details["batches"][0]["champion_p95_ms"] > 0
    assert measured["memory"].details["champion_version"] == 1
    assert measured["model_size"].value > 1.1 * measured["model_size"].details["champion"]
    assert not materialize(larger, instance, only=BEFORE_DEPLOYMENT).success
    assert of(platform, 2) == measured

    monkeypatch.setenv("ML_PLATFORM_MODELS", str(declaration.folder.parent))
    person = ["--by", "Ada", "--reason", "three times the trees"]
    accepted = CliRunner().invoke(main, ["baseline", "small_credit", "--accept", "2", *person])
    assert accepted.exit_code == ExitCode.OK, accepted.output
    assert "p95 of 256 records" in accepted.output
    result = materialize(larger, instance, only=["evaluation_report"])
    assert result.success, failure(result)
    again = of(platform, 2)
    assert "+0.0% against the accepted baseline" in again["model_size"].reason
    assert again["memory"].details["accepted"] == measured["memory"].details["candidate"]
    assert "against the accepted p95" in again["latency"].reason
    assert materialize(larger, instance, only=["evaluation_report"]).success
    assert of(platform, 2) == again, "measured again for nothing"
