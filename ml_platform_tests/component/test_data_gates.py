"""Gates on data and on training stop their asset, and stand in the certificate."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from ml_platform.component.platform import Platform
from ml_platform.component.steps.certify import verified_certificate
from ml_platform.component.steps.records import RECORDS, read_records
from ml_platform.gates.result import GateRecord
from ml_platform.registry.comparison import AGAINST_CHAMPION
from ml_platform.spec.load import Declaration
from ml_platform.testing.stores import promotion
from ml_platform_tests.component.running import (
    BEFORE_DEPLOYMENT,
    changed,
    checks,
    failure,
    materialize,
    materialized,
    metadata,
)

NOW = datetime(2026, 11, 1, tzinfo=UTC)

FLOOR = "    - {type: minimum_metric, metric: roc_auc, floor: 0.7}\n"
DATA = ["raw_data", "validated_data"]
UPTO = [*DATA, "trained_model"]
TABLE = "small_credit/validated_data"


def with_gates(declaration: Declaration, *gates: str) -> Declaration:
    return changed(declaration, FLOOR, FLOOR + "".join(f"    - {{{gate}}}\n" for gate in gates))


def shifted(declaration: Declaration) -> Declaration:
    """Other loans of twice the income."""
    source = declaration.folder / "source.py"
    text = source.read_text("utf-8")
    source.write_text(
        text + "\n\n_load = load\n\n\ndef load(**params):\n"
        "    rows = _load(**params)\n    return rows.assign(income=rows['income'] * 2)\n",
        encoding="utf-8",
    )
    return declaration


def test_drifted_data_become_no_snapshot_and_so_no_new_normal(
    declaration: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    gated = with_gates(declaration, "type: contract_drift", "type: label_drift, enforce: warn")
    first = materialize(gated, instance, only=DATA)
    assert first.success
    assert checks(first) == {
        "contract": True,
        "contract_drift_last": True,
        "label_drift_last": True,
    }
    before = platform.snapshots.latest(TABLE)
    moved = shifted(changed(gated, "seed: 1}}", "seed: 2}}"))
    for _ in range(2):
        result = materialize(moved, instance)
        assert not result.success
        assert materialized(result) == ["raw_data"]
        assert checks(result)["contract_drift_last"] is False
        assert "income moved by" in failure(result)
        assert platform.snapshots.latest(TABLE) == before


def test_other_rows_of_the_same_population_pass(
    declaration: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    gated = with_gates(declaration, "type: contract_drift", "type: label_drift")
    for seed in ("seed: 2}}", "seed: 3}}"):
        gated = changed(gated, f"seed: {'1' if seed == 'seed: 2}}' else '2'}}}}}", seed)
        result = materialize(gated, instance, only=DATA)
        assert all(checks(result).values()), checks(result)
    assert len(platform.snapshots.history(TABLE)) == 2


def test_leak_stops_the_training_it_would_have_spoilt(
    declaration: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    gated = with_gates(declaration, "type: leakage, max_single_feature_auc: 0.55")
    result = materialize(gated, instance, only=UPTO)
    assert materialized(result) == DATA
    assert "alone: is it known in time?" in failure(result)
    assert platform.registry.versions("small_credit") == []


def test_training_gate_declared_later_is_judged_for_the_version_that_is_reused(
    declaration: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    assert materialize(declaration, instance, only=UPTO).success
    gated = with_gates(declaration, "type: reproducibility", "type: contract_drift")
    result = materialize(gated, instance, only=UPTO)
    assert result.success
    assert checks(result)["reproducibility"] is True
    [version] = platform.registry.versions("small_credit")
    records = read_records(platform, version.run_id) or ()
    judged = [record.check for record in records]
    assert judged == ["contract", "contract_drift_last", "reproducibility", "training_smoke"]


def test_verdicts_of_training_that_were_altered_are_given_anew(
    declaration: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    gated = with_gates(declaration, "type: reproducibility")
    assert materialize(gated, instance, only=BEFORE_DEPLOYMENT).success
    [version] = platform.registry.versions("small_credit")
    logged = read_records(platform, version.run_id)
    text = platform.registry.read_artifact_text(version.run_id, RECORDS) or ""
    altered = text.replace('"verdict": "passed"', '"verdict": "failed"')
    platform.registry.log_artifacts(version.run_id, {"training.json": altered}, under="gates")
    alone = materialize(gated, instance, only=["evaluation_report"])
    assert "has no gates/training.json as it was logged; run: ml-platform train" in failure(alone)
    result = materialize(gated, instance, only=BEFORE_DEPLOYMENT)
    assert result.success
    assert [version] == platform.registry.versions("small_credit")
    assert [record.check for record in read_records(platform, version.run_id) or ()] == [
        record.check for record in logged or ()
    ]


def test_verdict_against_the_champions_data_is_given_anew_once_another_is_champion(
    declaration: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    gated = with_gates(declaration, "type: contract_drift, against: champion", "type: label_drift")
    assert materialize(gated, instance, only=BEFORE_DEPLOYMENT).success
    other = changed(gated, "seed: 1}}", "seed: 2}}")
    assert materialize(other, instance, only=BEFORE_DEPLOYMENT).success
    first = verified_certificate(other, platform, 2, now=NOW)

    def on_data(check: str) -> GateRecord:
        certificate = verified_certificate(other, platform, 2, now=NOW)
        return next(record for record in certificate.records if record.check == check)

    beside_the_last = on_data("label_drift_last")
    platform.releases.append(promotion("small_credit", 1, 1), expected_revision=0)
    for only in (["deployed_bento"], ["trained_model", "evaluation_report", "deployed_bento"]):
        said = failure(materialize(other, instance, only=only))
        judged = "contract_drift_champion: it was judged as the first release"
        assert f"{judged}, but the champion is version 1\n" in said
        assert "and certified: ml-platform train small_credit" in said
    result = materialize(other, instance, only=BEFORE_DEPLOYMENT)
    assert result.success, failure(result)
    assert metadata(result, "trained_model")["reused"] is True
    anew = on_data("contract_drift_champion").result
    assert "against the training data of version 1" in anew.reason
    assert anew.details[AGAINST_CHAMPION] == 1
    assert on_data("label_drift_last") == beside_the_last

    certificate = verified_certificate(other, platform, 2, now=NOW)
    assert certificate.digest != first.digest
    platform.releases.append(promotion("small_credit", 2, 2), expected_revision=1)
    assert materialize(other, instance, only=BEFORE_DEPLOYMENT).success
    again = verified_certificate(other, platform, 2, now=NOW)
    assert again == certificate, "the champion itself replaces nobody"


@pytest.mark.parametrize("stage", ["validated_data", "trained_model"])
def test_own_function_judges_its_stage(
    declaration: Declaration, instance: dg.DagsterInstance, stage: str
) -> None:
    (declaration.folder / "own.py").write_text(
        "def rows(evidence):\n"
        "    n = len(evidence.frame)\n"
        "    return {'verdict': 'failed', 'reason': f'{n} rows are not enough'}\n",
        encoding="utf-8",
    )
    gated = with_gates(declaration, f"type: custom, function: own:rows, stage: {stage}")
    result = materialize(gated, instance, only=UPTO)
    assert checks(result)["custom_rows"] is False
    assert "rows are not enough" in failure(result)
    assert stage not in materialized(result)


def test_verdicts_of_every_stage_stand_in_the_certificate(
    declaration: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    gated = with_gates(
        declaration,
        "type: contract_drift",
        "type: leakage",
        "type: model_size, max_bytes: 10000000",
        "type: latency, p95_ms: 1000, max_increase: 0.5, seconds: 0.05",
    )
    result = materialize(gated, instance, only=BEFORE_DEPLOYMENT)
    assert result.success, failure(result)
    from ml_platform.component.steps.certify import intact_certificate

    certificate = intact_certificate(platform, "small_credit", 1)
    assert certificate is not None
    assert {record.check for record in certificate.records} == set(gated.spec.required_gates)
    again = materialize(gated, instance, only=BEFORE_DEPLOYMENT)
    assert again.success
    assert intact_certificate(platform, "small_credit", 1) == certificate
