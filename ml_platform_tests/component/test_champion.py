"""Gates that compare with the champion, from the declaration to the certificate."""

from datetime import UTC, datetime
from typing import Any, cast

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from ml_platform.component.handles import DeployedBento, EvaluationReport
from ml_platform.component.platform import Platform
from ml_platform.component.steps import champion, deploy
from ml_platform.component.steps.certify import intact_certificate, verified_certificate
from ml_platform.component.steps.deploy import BuiltBento
from ml_platform.data.same_rows import rows_in
from ml_platform.evaluation.baseline import Baseline, write_baseline
from ml_platform.exceptions import ModelError
from ml_platform.gates.opponent import told_overlap
from ml_platform.gates.result import GateRecord
from ml_platform.registry.certificate import Certificate
from ml_platform.registry.comparison import Comparison
from ml_platform.spec.load import Declaration
from ml_platform.testing.stores import promotion
from ml_platform.training.model import Model
from ml_platform_tests.component.running import BEFORE_DEPLOYMENT, changed, failure, materialize

NOW = datetime(2026, 11, 1, tzinfo=UTC)
FLOOR = "    - {type: minimum_metric, metric: roc_auc, floor: 0.7}\n"
GATES = (
    "    - {type: no_regression, metric: roc_auc, tolerance: 0.05}\n"
    "    - {type: slice_no_regression, metric: log_loss, columns: purpose, tolerance: 0.2,\n"
    "       min_rows: 20, below_min_rows: ignore, on_inconclusive: warn}\n"
    "    - {type: slice_metric, metric: log_loss, columns: purpose, ceiling: 2, min_rows: 20}\n"
    "    - {type: fairness, attribute: purpose, measure: demographic_parity, bound: 0.9,\n"
    "       min_rows: 20}\n"
)


def record(platform: Platform, version: int, check: str) -> GateRecord:
    certificate = intact_certificate(platform, "small_credit", version)
    assert certificate is not None
    return next(record for record in certificate.records if record.check == check)


@pytest.mark.slow
def test_candidate_is_compared_with_the_champion_on_rows_that_neither_has_seen(
    declaration: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    gated = changed(declaration, FLOOR, FLOOR + GATES)
    gated = changed(gated, "{type: time_ordered, holdout: 0.2, gap: 1h}", "{type: random, seed: 1}")
    result = materialize(gated, instance, only=BEFORE_DEPLOYMENT)
    assert result.success, failure(result)
    first = record(platform, 1, "no_regression_roc_auc")
    assert "first release" in first.result.reason
    assert record(platform, 1, "fairness_demographic_parity_purpose").result.value is not None
    platform.releases.append(promotion("small_credit", 1, 1), expected_revision=0)
    assert materialize(gated, instance, only=BEFORE_DEPLOYMENT).success
    assert record(platform, 1, "no_regression_roc_auc") == first, "the champion against itself"

    again = changed(gated, "rounds: 20", "rounds: 21")
    result = materialize(again, instance, only=BEFORE_DEPLOYMENT)
    assert result.success, failure(result)
    compared = record(platform, 2, "no_regression_roc_auc").result
    assert compared.rows == 200
    assert "version 1, the champion" in compared.reason
    assert "was trained on" not in compared.reason

    overlapping = changed(again, "seed: 1}\n  training", "seed: 2}\n  training")
    materialize(overlapping, instance, only=BEFORE_DEPLOYMENT)
    compared = record(platform, 3, "no_regression_roc_auc").result
    assert "version 1 was trained on" in compared.reason
    assert "of the 200 rows of this holdout, which were left out" in compared.reason
    assert compared.rows is not None
    assert 20 < compared.rows < 60


@pytest.mark.slow
def test_worse_candidate_fails_and_an_accepted_baseline_lets_it_through(
    declaration: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    gated = changed(declaration, FLOOR, GATES.splitlines(keepends=True)[0])
    assert materialize(gated, instance, only=BEFORE_DEPLOYMENT).success
    platform.releases.append(promotion("small_credit", 1, 1), expected_revision=0)
    blind = changed(
        gated, "numeric: [income, amount, years_employed, burden]", "numeric: [years_employed]"
    )
    result = materialize(blind, instance, only=BEFORE_DEPLOYMENT)
    assert not result.success
    assert "no_regression_roc_auc: failed" in failure(result)
    measured = intact_certificate(platform, "small_credit", 2).metrics["roc_auc"]

    baseline = Baseline(
        version=2,
        metrics={"roc_auc": measured},
        by="ann",
        reason="one input only",
        accepted_at=pd.Timestamp.now(tz="UTC"),
    )
    write_baseline(blind.folder, baseline)
    result = materialize(blind, instance, only=BEFORE_DEPLOYMENT)
    assert result.success, failure(result)
    assert "the accepted baseline" in record(platform, 2, "no_regression_roc_auc").result.reason


def test_verdict_against_another_champion_or_baseline_is_no_evidence_for_a_release(
    declaration: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    gated = changed(declaration, FLOOR, GATES.splitlines(keepends=True)[0])
    assert materialize(gated, instance, only=BEFORE_DEPLOYMENT).success
    again = changed(gated, "rounds: 20", "rounds: 21")
    assert materialize(again, instance, only=BEFORE_DEPLOYMENT).success
    assert verified_certificate(again, platform, 2, now=NOW)

    def refusal() -> str:
        return failure(materialize(again, instance, only=["deployed_bento"]))

    def judged_anew() -> Certificate:
        assert materialize(again, instance, only=["evaluation_report"]).success
        return verified_certificate(again, platform, 2, now=NOW)

    platform.releases.append(promotion("small_credit", 1, 1), expected_revision=0)
    said = refusal()
    assert "it was judged as the first release, but the champion is version 1\n" in said
    assert "and certified: ml-platform train small_credit" in said
    certificate = judged_anew()
    assert certificate.compared_with == Comparison(champion=1)
    assert judged_anew() == certificate, "nothing changed"

    lenient = Baseline(
        version=1, metrics={"roc_auc": 0.5}, by="ann", reason="to begin with", accepted_at=NOW
    )
    write_baseline(again.folder, lenient)
    assert "but baseline.json has the baseline of version 1, accepted by ann" in refusal()
    assert "baseline of version 1" in str(judged_anew().compared_with)
    raised = lenient.model_copy(update={"metrics": {"roc_auc": 0.51}, "by": "bob"})
    write_baseline(again.folder, raised)
    assert "accepted by ann: to begin with, but baseline.json has the baseline" in refusal()

    certificate = judged_anew()
    platform.releases.append(promotion("small_credit", 2, 2), expected_revision=1)
    assert judged_anew() == certificate, "the champion itself replaces nobody"


def test_champion_that_changes_while_the_bento_is_built_refuses_the_release(
    declaration: Declaration,
    instance: dg.DagsterInstance,
    platform: Platform,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gated = changed(declaration, FLOOR, GATES.splitlines(keepends=True)[0])
    for rounds in ("rounds: 20", "rounds: 21"):
        gated = changed(gated, "rounds: 20", rounds)
        assert materialize(gated, instance, only=BEFORE_DEPLOYMENT).success

    def build_while_another_is_released(
        declaration: Declaration, platform: Platform, report: EvaluationReport, *, now: datetime
    ) -> BuiltBento:
        certificate = verified_certificate(declaration, platform, report.version, now=now)
        platform.releases.append(promotion("small_credit", 1, 1), expected_revision=0)
        tag = f"small_credit:{report.version}"
        handle = DeployedBento(tag=tag, version=report.version, certificate=certificate.digest)
        return BuiltBento(handle, certificate, (), reused=False)

    monkeypatch.setattr(deploy, "build_and_test", build_while_another_is_released)
    said = failure(materialize(gated, instance, only=["deployed_bento"]))
    assert "small_credit:2 may not be deployed: it was judged as the first release, but" in said
    assert "the champion is version 1\n" in said
    assert [each.version for each in platform.releases.history("small_credit")] == [1]


def test_rows_are_known_by_their_key() -> None:
    holdout = pd.DataFrame({"id": [1, 2, 3], "x": [0.0, 0.0, 0.0]})
    trained = pd.DataFrame({"id": pd.array([3, 1, 9], dtype="Int64"), "x": [1.0, 1.0, 1.0]})
    assert rows_in(holdout, trained, key="id").tolist() == [True, False, True]


def test_rows_without_a_key_are_known_by_all_their_values() -> None:
    when = pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-03"])
    holdout = pd.DataFrame({"a": ["x", "y", None], "b": [0.1, np.nan, 0.3], "t": when, "new": 1})
    trained = holdout.drop(columns="new").iloc[[1, 2]].assign(b=[np.nan, 0.4])
    assert rows_in(holdout, trained, key=None).tolist() == [False, True, False]


def test_large_keys_do_not_run_together() -> None:
    holdout = pd.DataFrame({"id": [2**60, 2**60 + 1]})
    assert rows_in(holdout, holdout.iloc[:1], key="id").tolist() == [True, False]


def test_rows_are_known_by_their_values_where_one_of_them_lacks_the_key() -> None:
    holdout = pd.DataFrame({"id": [1, 2, 3], "x": [0.1, 0.2, 0.3], "y": ["a", "b", "c"]})
    trained = holdout.drop(columns="id").assign(y=["a", "b", "z"])
    assert rows_in(holdout, trained, key="id").tolist() == [True, True, False]
    assert rows_in(trained, holdout, key="id").tolist() == [True, True, False]
    assert not rows_in(holdout, trained[[]], key="id").any()


def test_whole_numbers_are_the_same_rows_when_a_null_made_them_floats() -> None:
    holdout = pd.DataFrame({"id": [1, 2, 3], "x": [4, 5, 6]})
    trained = pd.DataFrame({"id": [3.0, np.nan], "x": [6.0, np.nan]})
    assert rows_in(holdout, trained, key="id").tolist() == [False, False, True]
    assert rows_in(holdout, trained, key=None).tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("trained", "says"),
    [
        ({"amount": [1.0, 9.0]}, "was trained on 1 of the 2 rows of this holdout"),
        ({"loan_id": [2, 9], "amount": [7.0, 9.0]}, "was trained on 1 of the 2 rows of this"),
        ({"other": [1.0]}, "not known whether version 3 was trained on rows of this holdout"),
    ],
)
def test_overlap_with_a_champion_that_had_no_id_is_found_or_not_known(
    declaration: Declaration,
    platform: Platform,
    monkeypatch: pytest.MonkeyPatch,
    trained: dict[str, list[float]],
    says: str,
) -> None:
    assert declaration.spec.data.id == "loan_id"
    monkeypatch.setattr(champion, "_trained_rows", lambda *_: pd.DataFrame(trained))

    class Candidate:
        model = None

    class Version:
        number = 3

        @property
        def model(self) -> Model:
            raise ModelError("not asked here")

    holdout = pd.DataFrame({"loan_id": [1, 2], "amount": [1.0, 2.0]})
    judged = champion.Champion(
        declaration, platform, cast("Any", Candidate), cast("Any", Version())
    )
    assert says in told_overlap(judged.on(holdout))
