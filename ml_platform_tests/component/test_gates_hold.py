"""A failed gate stops a release from whatever run."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from ml_platform.component.platform import Platform
from ml_platform.component.steps.certify import intact_certificate, verified_certificate
from ml_platform.component.steps.holdout import load_holdout
from ml_platform.component.steps.waive import waive
from ml_platform.exceptions import DeploymentRefused
from ml_platform.registry.registry import ModelRegistry
from ml_platform.registry.waiver import Waiver
from ml_platform.settings import Settings
from ml_platform.spec.load import Declaration
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
FLOOR = "{type: minimum_metric, metric: roc_auc, floor: 0.7}"
OUT_OF_REACH = "{type: minimum_metric, metric: roc_auc, floor: 0.9999}"


def test_broken_contract_leaves_validated_data_and_all_below_as_they_were(
    declaration: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    first = materialize(declaration, instance, only=["raw_data", "validated_data"])
    assert checks(first) == {"contract": True}
    before = platform.snapshots.latest("small_credit/validated_data")
    broken = changed(
        declaration, "amount: {dtype: float64, min: 1", "amount: {dtype: float64, min: 1e5"
    )
    result = materialize(broken, instance)
    assert not result.success
    assert materialized(result) == ["raw_data"]
    assert checks(result) == {"contract": False}
    assert platform.snapshots.latest("small_credit/validated_data") == before
    assert "amount" in failure(result)
    assert "What you can do" in failure(result)


def test_gate_that_only_warns_lets_the_version_pass_and_shows_in_the_certificate(
    declaration: Declaration, instance: dg.DagsterInstance
) -> None:
    lenient = changed(declaration, FLOOR, OUT_OF_REACH.replace("}", ", enforce: warn}"))
    result = materialize(lenient, instance, only=BEFORE_DEPLOYMENT)
    assert result.success
    assert checks(result)["minimum_metric_roc_auc"] is False
    assert "minimum_metric_roc_auc|failed" in str(metadata(result, "evaluation_report")["gates"])


def test_gate_added_or_changed_after_certification_must_be_judged_first(
    declaration: Declaration, instance: dg.DagsterInstance
) -> None:
    lenient = changed(declaration, FLOOR, FLOOR.replace("}", ", enforce: warn}"))
    assert materialize(lenient, instance, only=BEFORE_DEPLOYMENT).success

    def refusal(of: Declaration) -> str:
        result = materialize(of, instance, only=["deployed_bento"])
        assert not result.success
        return failure(result)

    added = "\n    - {type: maximum_metric, metric: log_loss, ceiling: 5}"
    demanding = changed(lenient, "enforce: warn}", "enforce: warn}" + added)
    said = refusal(demanding)
    assert "its certificate lacks maximum_metric_log_loss\n" in said
    assert "judged as is declared now, and certified: ml-platform train small_credit" in said
    raised = changed(changed(demanding, added, ""), "floor: 0.7, enforce: warn}", "floor: 0.72}")
    assert (
        "minimum_metric_roc_auc was changed after it was judged: "
        'enforce from "warn" to "block", floor from 0.7 to 0.72\n'
    ) in refusal(raised)
    other_contract = changed(raised, "version: 1", "version: 2")
    assert "contract was changed after it was judged: version from 1 to 2" in refusal(
        other_contract
    )
    same_version = changed(other_contract, "version: 2", "version: 1")
    income = "income: {dtype: float64, min: 1,"
    tightened = changed(same_version, income, income.replace("min: 1", "min: 2"))
    assert (
        "contract was changed after it was judged, without a new version: digest from "
    ) in refusal(tightened)
    again = changed(tightened, income.replace("min: 1", "min: 2"), income)
    judged = materialize(again, instance, only=["evaluation_report"])
    assert checks(judged) == {"minimum_metric_roc_auc": True}
    assert verified_certificate(again, Platform(Settings.from_environment()), 1, now=NOW)


@pytest.mark.parametrize(
    "other", ["{type: random, holdout: 0.2, seed: 2}", "{type: time_ordered, holdout: 0.5}"]
)
def test_version_is_judged_on_rows_it_has_not_seen_however_rows_are_split_since(
    declaration: Declaration, instance: dg.DagsterInstance, platform: Platform, other: str
) -> None:
    split = "{type: random, holdout: 0.2, seed: 1}"
    before = changed(declaration, "{type: time_ordered, holdout: 0.2, gap: 1h}", split)
    assert materialize(before, instance, only=BEFORE_DEPLOYMENT).success
    snapshot = platform.snapshots.latest("small_credit/validated_data")
    assert snapshot is not None
    first = load_holdout(before, platform, snapshot, 1)
    issued = intact_certificate(platform, "small_credit", 1)
    assert issued is not None

    since = changed(before, split, other)
    demanding = changed(since, FLOOR, FLOOR.replace("0.7}", "0.71}"))
    assert materialize(demanding, instance, only=["evaluation_report"]).success
    judged = load_holdout(demanding, platform, snapshot, 1)
    assert set(judged.holdout["loan_id"]).isdisjoint(judged.train["loan_id"])
    assert judged.holdout.equals(first.holdout)
    certificate = intact_certificate(platform, "small_credit", 1)
    assert certificate is not None
    assert certificate.digest != issued.digest, "judged anew"
    assert certificate.metrics == issued.metrics


def test_model_file_changed_in_the_registry_is_refused(
    declaration: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    assert materialize(declaration, instance, only=BEFORE_DEPLOYMENT).success
    stored = [*Path(platform.settings.artifacts_url).rglob("model.json")]
    assert stored
    for file in stored:
        text = file.read_text("utf-8")
        assert '"threshold": 0.5' in text
        file.write_text(text.replace('"threshold": 0.5', '"threshold": 0.9'), encoding="utf-8")
    result = materialize(declaration, instance, only=["deployed_bento"])
    assert "the stored model is not the one" in failure(result)
    assert platform.releases.state("small_credit").champion is None


def test_model_that_cannot_learn_is_not_trained_on_all_rows(
    declaration: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    source = declaration.folder / "source.py"
    text = source.read_text("utf-8")
    source.write_text(
        text + "\n\n_load = load\n\n\ndef load(**params):\n"
        "    return _load(**params).assign(defaulted=True)\n",
        encoding="utf-8",
    )
    result = materialize(
        declaration, instance, only=["raw_data", "validated_data", "trained_model"]
    )
    assert not result.success
    assert materialized(result) == ["raw_data", "validated_data"]
    assert platform.registry.versions("small_credit") == []
    assert "one target value" in failure(result)


def test_waived_gate_lets_the_version_pass_with_a_name_and_an_expiry(
    declaration: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    strict = changed(declaration, FLOOR, OUT_OF_REACH)
    assert not materialize(strict, instance, only=BEFORE_DEPLOYMENT).success
    now = datetime.now(UTC)
    waiver = Waiver(
        check="minimum_metric_roc_auc",
        version=1,
        by="Ada",
        reason="the outage in May",
        until=now + timedelta(hours=1),
        granted_at=now,
    )
    certificate = waive(strict, platform, waiver)
    [given] = certificate.waivers
    assert given.model_copy(update={"verdict": None}) == waiver
    reports = platform.settings.reports / "small_credit"
    document = json.loads((reports / "v1" / "evaluation.json").read_text("utf-8"))
    assert document["certificate"] == certificate.digest
    page = (reports / "v1" / "evaluation.html").read_text("utf-8")
    assert "waived by Ada until" in page
    assert page.count("data:image/png") > 0
    assert "minimum_metric_roc_auc waived until" in (reports / "index.html").read_text("utf-8")
    assert "waived by Ada until" in (reports / "v1" / "card.html").read_text("utf-8")
    later = materialize(strict, instance, only=BEFORE_DEPLOYMENT)
    assert later.success
    assert "waived by Ada" in str(metadata(later, "evaluation_report")["gates"])
    [check] = [c for c in later.get_asset_check_evaluations() if "minimum" in c.check_name]
    assert "waived by Ada until" in (check.description or "")
    assert check.metadata["version"].value == 1, "the alert names it"
    assert verified_certificate(strict, platform, 1, now=now).waivers == (given,)
    with pytest.raises(DeploymentRefused, match=r"the outage in May \(over\)"):
        verified_certificate(strict, platform, 1, now=waiver.until)
    kept = {file.stem: file for file in (reports / "v1" / "kept").glob("*.json")}
    assert len(kept) == 2, "before the waiver, and with it"
    assert json.loads(kept[certificate.digest[:16]].read_text("utf-8"))["waivers"]
    stricter = changed(strict, "floor: 0.9999}", "floor: 0.99999}")
    again = materialize(stricter, instance, only=["evaluation_report"])
    assert not again.success
    void = "the outage in May (void: given for another verdict)"
    assert void in failure(again)
    assert len([*(reports / "v1" / "kept").glob("*.html")]) == 3
    assert void in str(metadata(again, "evaluation_report")["gates"])


def test_version_is_read_once_for_its_metrics_and_its_gates(
    declaration: Declaration,
    instance: dg.DagsterInstance,
    platform: Platform,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cost = "{type: latency, p95_ms: 1000, seconds: 0.01}"
    gated = changed(declaration, FLOOR, f"{FLOOR}\n    - {cost}")
    before = ["raw_data", "validated_data", "trained_model"]
    assert materialize(gated, instance, only=before).success
    downloads, download = list[int](), ModelRegistry.download

    def downloading(self: ModelRegistry, model: str, version: int, to: Path) -> Path:
        downloads.append(version)
        return download(self, model, version, to)

    monkeypatch.setattr(ModelRegistry, "download", downloading)
    assert materialize(gated, instance, only=["evaluation_report"]).success
    assert downloads == [1]
