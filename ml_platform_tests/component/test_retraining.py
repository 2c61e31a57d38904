"""What starts a training by itself, what it trains on, and what becomes of the result."""

import json
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from ml_platform.clock import VARIABLE, SimulatedClock
from ml_platform.component.assets import EVIDENCE_TAG, RETRAINING_TAG
from ml_platform.component.feedback import join_now
from ml_platform.component.handles import TrainedModel, ValidatedData
from ml_platform.component.load import build_definitions, load_declarations
from ml_platform.component.platform import Platform
from ml_platform.component.reproduce import reproduce
from ml_platform.component.retraining import ASKED_TAG, WAITING, Waiting
from ml_platform.component.steps.release import no_better
from ml_platform.gates.result import GateRecord, GateResult
from ml_platform.registry.certificate import Certificate
from ml_platform.spec.load import Declaration
from ml_platform.testing.releases import promotion
from ml_platform_tests.component.past_runs import past_run
from ml_platform_tests.component.production_days import BEGIN, answer, loans
from ml_platform_tests.component.running import BEFORE_DEPLOYMENT, changed, materialize, metadata

DAY = timedelta(days=1)
FEEDBACK = "  feedback: {label_delay: 1h, window: 1d, audit: {min_rows: 50}}\n  gates:\n"
TO_VALIDATED = ("raw_data", "validated_data")

WEIGHTED = "  training_data: {window: 60d, recency_half_life: 20d, balance_classes: true}\n"


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimulatedClock:
    """A simulated time, after the loans of the source."""
    simulated = SimulatedClock.create(tmp_path / "clock", start=BEGIN)
    monkeypatch.setenv(VARIABLE, str(simulated.file))
    return simulated


@pytest.fixture
def released(
    declaration: Declaration,
    instance: dg.DagsterInstance,
    platform: Platform,
    clock: SimulatedClock,
) -> Declaration:
    """The small model with a champion, its labels due within an hour."""
    declared = changed(declaration, "  gates:\n", FEEDBACK)
    declared = changed(
        declared,
        "  gates:\n",
        "  retraining: {min_new_labels: 500, cooldown: 1h}\n  gates:\n"
        "    - {type: no_regression, metric: roc_auc, tolerance: 0.1, on_inconclusive: warn}\n",
    )
    assert materialize(declared, instance, only=BEFORE_DEPLOYMENT).success
    platform.releases.append(promotion("small_credit", 1, version=1), expected_revision=0)
    return declared


def live_day(
    declared: Declaration,
    platform: Platform,
    clock: SimulatedClock,
    frame: pd.DataFrame,
    instance: dg.DagsterInstance,
) -> None:
    """A day of production whose labels have come and matured."""
    answer(declared, platform, frame, labels_after=timedelta(minutes=30))
    clock.set((BEGIN + 2 * DAY).timestamp())
    join_now(declared, platform, instance=instance, now=BEGIN + 2 * DAY)


def tick(declared: Declaration, instance: dg.DagsterInstance) -> dg.SensorResult:
    repository = build_definitions(load_declarations([declared.folder])).get_repository_def()
    context = dg.build_sensor_context(instance=instance, repository_def=repository)
    return repository.get_sensor_def("retraining").evaluate_tick(context)


@pytest.mark.slow
def test_labeled_production_joins_the_training_data_once(
    released: Declaration,
    instance: dg.DagsterInstance,
    platform: Platform,
    clock: SimulatedClock,
) -> None:
    live_day(released, platform, clock, loans(600, seed=5), instance)
    result = materialize(released, instance, only=TO_VALIDATED)
    assert result.success
    assert metadata(result, "validated_data")["feedback_rows"] == 600
    handle = ValidatedData.model_validate_json(
        platform.handles.read("small_credit/validated_data/latest.json") or ""
    )
    assert handle.feedback.through == BEGIN + DAY
    rows = platform.snapshots.read(handle.snapshot.table, version=handle.snapshot.version)
    assert len(rows) == 1600
    asked = loans(600, seed=5).set_index("loan_id").sort_index()
    kept = rows.set_index("loan_id").loc[asked.index]
    pd.testing.assert_series_equal(kept["income"], asked["income"])
    assert kept["defaulted"].astype(bool).tolist() == asked["defaulted"].tolist()
    assert kept["applied_at"].tolist() == asked["applied_at"].tolist()


@pytest.mark.slow
def test_rows_that_the_source_has_too_are_taken_from_the_source(
    released: Declaration,
    instance: dg.DagsterInstance,
    platform: Platform,
    clock: SimulatedClock,
) -> None:
    frame = loans(600, seed=5)
    frame.loc[:99, "loan_id"] = [f"loan-{n:06d}" for n in range(100)]
    live_day(released, platform, clock, frame, instance)
    result = materialize(released, instance, only=TO_VALIDATED)
    assert metadata(result, "validated_data")["feedback_rows"] == 500


@pytest.mark.slow
def test_feedback_that_fails_its_audit_teaches_nothing(
    released: Declaration,
    instance: dg.DagsterInstance,
    platform: Platform,
    clock: SimulatedClock,
) -> None:
    frame = loans(1200, seed=5)
    good = frame["income"] > frame["income"].median()
    answer(released, platform, frame[good], labels_after=timedelta(minutes=30))
    answer(released, platform, frame[~good])
    clock.set((BEGIN + 2 * DAY).timestamp())
    join_now(released, platform, instance=instance, now=BEGIN + 2 * DAY)
    result = materialize(released, instance, only=TO_VALIDATED)
    shown = metadata(result, "validated_data")
    assert shown["feedback_rows"] == 0
    assert str(shown["feedback"]).startswith("the audit keeps it out: ")
    assert tick(released, instance).run_requests == []


@pytest.mark.slow
def test_window_leaves_old_rows_out_and_counts_them(
    declaration: Declaration, instance: dg.DagsterInstance
) -> None:
    declared = changed(declaration, "  gates:\n", "  training_data: {window: 10d}\n  gates:\n")
    shown = metadata(materialize(declared, instance, only=TO_VALIDATED), "validated_data")
    assert shown["dagster/row_count"] == 241
    assert shown["rows_outside_window"] == 759


@pytest.mark.slow
def test_enough_new_labels_ask_for_one_run_with_its_reasons(
    released: Declaration,
    instance: dg.DagsterInstance,
    platform: Platform,
    clock: SimulatedClock,
) -> None:
    assert tick(released, instance).run_requests == []
    live_day(released, platform, clock, loans(600, seed=5), instance)
    [request] = tick(released, instance).run_requests
    assert request.job_name == "small_credit_release"
    assert request.tags[RETRAINING_TAG] == "600 matured labels are new, 500 are enough"
    assert request.tags[ASKED_TAG] == (BEGIN + 2 * DAY).isoformat()
    [again] = tick(released, instance).run_requests
    assert again.run_key == request.run_key, "Dagster starts a run key once"


@pytest.mark.slow
def test_a_training_that_saw_the_labels_asks_for_no_other(
    released: Declaration,
    instance: dg.DagsterInstance,
    platform: Platform,
    clock: SimulatedClock,
) -> None:
    live_day(released, platform, clock, loans(600, seed=5), instance)
    [request] = tick(released, instance).run_requests
    evidence = {
        "new_labels": {"labels": 600, "enough": 500, "through": "2024-03-05T00:00:00+00:00"}
    }
    assert json.loads(request.tags[EVIDENCE_TAG]) == evidence
    weighted = changed(released, "  gates:\n", f"{WEIGHTED}  gates:\n")
    result = materialize(weighted, instance, only=BEFORE_DEPLOYMENT, tags=request.tags)
    assert result.success
    shown = metadata(result, "trained_model")
    assert shown["retraining"] == "600 matured labels are new, 500 are enough"
    assert shown["evidence"] == evidence
    trained = TrainedModel.model_validate_json(
        platform.handles.read("small_credit/trained_model/latest.json") or ""
    )
    assert (trained.version, trained.through) == (2, BEGIN + DAY)
    rebuilt = reproduce(platform, "small_credit", 2)
    assert rebuilt.equal, rebuilt.differing
    assert trained.rows is not None
    assert rebuilt.rows == trained.rows.training > 800, "with rows of production"
    clock.set((BEGIN + 3 * DAY).timestamp())
    assert tick(released, instance).run_requests == []


@pytest.mark.slow
def test_over_its_budget_a_training_waits_and_says_so(
    released: Declaration,
    instance: dg.DagsterInstance,
    platform: Platform,
    clock: SimulatedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    live_day(released, platform, clock, loans(600, seed=5), instance)
    monkeypatch.setenv("ML_PLATFORM_MAX_RUNS_PER_DAY", "1")
    past_run(instance, model="another", asked=(BEGIN + 2 * DAY).isoformat())
    result = tick(released, instance)
    assert result.run_requests == []
    waiting = Waiting.model_validate_json(platform.handles.read(WAITING) or "")
    assert waiting.because == {
        "small_credit": "the budget of all models: 1 of 1 runs in 24 hours are spent"
    }


def margin(low: float, high: float) -> GateResult:
    return GateResult(
        verdict="passed",
        value=(low + high) / 2,
        interval=(low, high),
        reason=f"roc_auc moved by [{low:+.3f}, {high:+.3f}]",
    )


def certificate(*results: GateResult) -> Certificate:
    gate = {"type": "no_regression", "metric": "roc_auc"}
    records = tuple(
        GateRecord(check="no_regression_roc_auc", gate=gate, result=result, blocks=False)
        for result in results
    )
    return Certificate.model_construct(model="m", version=4, records=records)


def test_what_is_not_better_beyond_noise_needs_no_release() -> None:
    assert no_better(certificate(margin(-0.004, 0.006))) == (
        "no change needed: version 4 is not better beyond noise: roc_auc moved by [-0.004, +0.006]"
    )
    assert no_better(certificate(margin(-0.004, 0.006), margin(0.001, 0.006))) is None


def test_what_cannot_be_compared_with_the_champion_is_not_better() -> None:
    few = GateResult(verdict="inconclusive", reason="the champion was trained on all rows")
    assert no_better(certificate(few)) == (
        "no change needed: version 4 is not better beyond noise: "
        "the champion was trained on all rows"
    )
