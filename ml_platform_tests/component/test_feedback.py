"""The asset `labeled_feedback`, its audit and its sensor, in this process."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from ml_platform.clock import VARIABLE, SimulatedClock
from ml_platform.component.feedback import LabeledFeedback
from ml_platform.component.feedback_sensor import EVERY, LATER, Cursor, due
from ml_platform.component.load import build_definitions, load_declarations
from ml_platform.component.platform import Platform
from ml_platform.component.steps.label_feedback import label_feedback, stale
from ml_platform.component.steps.take_labels import Imported, Refused, feedback_of, take_table
from ml_platform.feedback.inference_table import COLUMNS as PREDICTED
from ml_platform.feedback.inference_table import InferenceTable
from ml_platform.feedback.labels_received import COLUMNS as LABELS
from ml_platform.feedback.labels_received import labels_table
from ml_platform.feedback.production import Production
from ml_platform.spec.load import Declaration
from ml_platform.task import Task
from ml_platform.testing.releases import promotion
from ml_platform_tests.component.running import (
    BEFORE_DEPLOYMENT,
    changed,
    checks,
    failure,
    materialize,
    materialized,
    metadata,
)

START = datetime(2024, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=30)
FEEDBACK = "feedback: {label_delay: 1d, window: 7d}\n  gates:"
ROWS = 2000


@pytest.fixture
def fed(declaration: Declaration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Declaration:
    """The small model, with feedback, some time after its predictions."""
    clock = SimulatedClock.create(tmp_path / "clock", start=NOW)
    monkeypatch.setenv(VARIABLE, str(clock.file))
    return changed(declaration, "gates:", FEEDBACK)


def predict(platform: Platform, *, rows: int = ROWS, days: int = 14) -> np.ndarray:
    """Log predictions over some days; return their scores."""
    rng = np.random.default_rng(1)
    scores = rng.random(rows)
    table = pa.table(
        {
            "prediction_id": [f"p{i}" for i in range(rows)],
            "key": [f"loan-{i}" for i in range(rows)],
            "time": [START + timedelta(days=days * i / rows) for i in range(rows)],
            "prediction": [json.dumps(bool(score > 0.5)) for score in scores],
            "score": scores,
            "scores": pa.nulls(rows, PREDICTED.field("scores").type),
            "version": [1] * rows,
            "role": ["champion"] * rows,
            "latency_us": [100] * rows,
            "request_id": [""] * rows,
            "random": [False] * rows,
            "segment": ["s"] * rows,
        },
        schema=PREDICTED,
    ).append_column("feature_purpose", pa.array(rng.choice(["car", "house", "other"], rows)))
    log = InferenceTable(platform.settings.data_url, "small_credit")
    while not log.append(table, {"test": 1}, looked=log.look()):
        pass  # the first time it becomes wider by the feature
    return scores


def by_score(drawn: float, score: float) -> bool:
    """What comes true where a score is the probability of it."""
    return drawn < score


def tell(
    platform: Platform,
    wanted: Callable[[int], bool],
    scores: np.ndarray,
    *,
    number: int = 1,
    truth: Callable[[float, float], bool] = by_score,
) -> None:
    """Let labels come for the predictions that are wanted, half a day after each."""
    rng = np.random.default_rng(2)
    rows = [
        {
            "prediction_id": f"p{i}",
            "label": json.dumps(bool(truth(rng.random(), score))),
            "observed_at": START + timedelta(days=14 * i / len(scores) + 0.5),
            "source": "bank",
            "received_at": NOW - timedelta(days=10),
        }
        for i, score in enumerate(scores)
        if wanted(i)
    ]
    table = labels_table(platform.settings.data_url, "small_credit")
    assert table.append(
        pa.Table.from_pylist(rows, schema=LABELS), {"test": number}, looked=table.look()
    )


def handle(platform: Platform) -> LabeledFeedback:
    text = platform.handles.read("small_credit/labeled_feedback/latest.json")
    assert text is not None
    return LabeledFeedback.model_validate_json(text)


def test_a_model_without_feedback_has_no_such_asset(declaration: Declaration) -> None:
    definitions = build_definitions(load_declarations([declaration.folder.parent]))
    key = dg.AssetKey(["small_credit", "labeled_feedback"])
    assert not definitions.resolve_asset_graph().has(key)


def test_without_any_prediction_or_label_nothing_breaks(
    fed: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    result = materialize(fed, instance, only=["labeled_feedback"])
    assert result.success
    assert checks(result) == {"bias_audit": False, "labels_in_time": True}
    assert handle(platform).audit.result.verdict == "inconclusive"


def test_the_audit_names_the_champion_for_its_alert(
    fed: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    platform.releases.append(promotion("small_credit", 1, version=3), expected_revision=0)
    result = materialize(fed, instance, only=["labeled_feedback"])
    check = next(c for c in result.get_asset_check_evaluations() if c.check_name == "bias_audit")
    assert check.metadata["version"].value == 3


def test_labels_for_all_alike_are_joined_and_pass(
    fed: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    scores = predict(platform)
    tell(platform, lambda i: i % 5 > 0, scores)
    result = materialize(fed, instance, only=["labeled_feedback"])
    assert result.success, failure(result)
    assert checks(result) == {"bias_audit": True, "labels_in_time": True}
    shown = metadata(result, "labeled_feedback")
    assert (shown["delivered"], shown["joined"], shown["new_labels"]) == (1600, 1600, 1600)
    assert shown["delay_hours/q50"] == pytest.approx(12)
    assert shown["matured_windows"] == 2
    found = handle(platform)
    assert found.audit.trainable == "all"
    assert found.matured == (START, START + timedelta(days=14))

    again = materialize(fed, instance, only=["labeled_feedback"])
    assert metadata(again, "labeled_feedback")["new_labels"] == 0
    assert handle(platform).version == found.version


def test_windows_are_counted_once_for_as_long_as_their_rows_stay_the_same(
    fed: Declaration, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[object] = []
    count = Production.coverage
    monkeypatch.setattr(
        Production, "coverage", lambda self, *asked: counted.append(asked) or count(self, *asked)
    )
    scores = predict(platform)
    tell(platform, lambda i: i % 5 > 0, scores)
    first, again = (label_feedback(fed, platform, now=NOW).state.audit for _ in range(2))
    assert len(counted) == 1
    assert again == first
    assert again.result.details["coverage"]["purpose"].keys() == {"car", "house", "other"}
    tell(platform, lambda i: i == 5, scores, number=2)
    late = label_feedback(fed, platform, now=NOW).state.audit
    assert (len(counted), late.result.rows) == (2, first.result.rows + 1)
    evaluation = fed.spec.evaluation.model_copy(update={"slices": ()})
    spec = fed.spec.model_copy(update={"evaluation": evaluation})
    label_feedback(Declaration(spec, fed.file), platform, now=NOW)
    assert len(counted) == 3, "by no slice any more"


def test_labels_of_the_approved_alone_fail_the_audit_and_the_run(
    fed: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    scores = predict(platform)
    tell(platform, lambda i: scores[i] < 0.5 or i % 10 == 0, scores)
    result = materialize(fed, instance, only=["labeled_feedback"])
    assert not result.success
    assert materialized(result) == ["labeled_feedback"]
    assert checks(result) == {"bias_audit": False, "labels_in_time": True}
    assert "decision true is labeled at" in failure(result)
    assert handle(platform).audit.trainable == "none"


def test_a_team_may_only_be_warned(
    fed: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    fed = changed(fed, "window: 7d", "window: 7d, audit: {enforce: warn}")
    scores = predict(platform)
    tell(platform, lambda i: scores[i] < 0.5 or i % 10 == 0, scores)
    result = materialize(fed, instance, only=["labeled_feedback"])
    assert result.success
    assert checks(result) == {"bias_audit": False, "labels_in_time": True}
    assert handle(platform).audit.trainable == "all"


def test_performance_of_predictions_without_labels_is_estimated(
    fed: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    fed = changed(fed, "target: defaulted", "target: defaulted\n    positive: true")
    scores = predict(platform, days=28)
    rows = ROWS // 2
    tell(platform, lambda i: i < rows and i % 5 > 0, scores)
    result = materialize(fed, instance, only=["labeled_feedback"])
    shown = metadata(result, "labeled_feedback")
    assert float(str(shown["estimated/accuracy"])) == pytest.approx(0.75, abs=0.04)
    assert float(str(shown["estimated/roc_auc"])) == pytest.approx(0.833, abs=0.04)


def test_accuracy_of_more_classes_is_estimated_by_how_sure_the_answers_are(
    fed: Declaration, platform: Platform
) -> None:
    scores, half = predict(platform, days=28), ROWS // 2
    tell(
        platform,
        lambda i: i < half and i % 5 > 0,
        scores,
        truth=lambda drawn, score: (drawn < score) == (score > 0.5),  # the answer, if it is right
    )
    spec = fed.spec.model_copy(update={"task": Task.MULTICLASS})
    estimate = label_feedback(Declaration(spec, fed.file), platform, now=NOW).state.estimate
    assert estimate is not None
    assert estimate.metrics.keys() == {"accuracy"}
    accuracy = estimate.metrics["accuracy"]
    assert accuracy.value == pytest.approx(scores[half:].mean(), abs=0.05)
    assert accuracy.low < accuracy.value < accuracy.high


def test_performance_is_estimated_by_the_champions_holdout_until_labels_have_come(
    fed: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    assert materialize(fed, instance, only=BEFORE_DEPLOYMENT).success
    scores, early = predict(platform, days=28), START + timedelta(days=7)
    assert label_feedback(fed, platform, now=early).state.estimate is None, "nothing is released"
    platform.releases.append(promotion("small_credit", 1, version=1), expected_revision=0)
    first = label_feedback(fed, platform, now=early).state
    assert first.span is None
    assert first.estimate is not None
    assert (first.estimate.rows, first.estimate.calibrated_on) == (ROWS, 200)
    assert "calibrated on 200 rows of the champion's holdout" in first.estimate.caution
    assert first.estimate.metrics["roc_auc"].low > 0.5
    tell(platform, lambda i: i < ROWS // 2 and i % 5 > 0, scores)
    later = label_feedback(fed, platform, now=NOW).state.estimate
    assert later is not None
    assert "labeled predictions" in later.caution


def test_labels_that_stopped_coming_are_said(fed: Declaration, platform: Platform) -> None:
    fed = changed(fed, "window: 7d", "window: 7d, max_staleness: 10d")
    tell(platform, lambda i: i < 10, predict(platform))
    state, spec = label_feedback(fed, platform, now=NOW).state, feedback_of(fed)
    assert state.newest_label is not None
    limit = state.newest_label + timedelta(days=10)
    assert stale(state.newest_label, spec, now=limit) is None
    late = limit + timedelta(minutes=1)
    said = stale(state.newest_label, spec, now=late) or ""
    assert said == f"the newest label is of {state.newest_label:%Y-%m-%d %H:%M}, older than 10d"
    patient = spec.model_copy(update={"max_staleness": None})
    assert stale(state.newest_label, patient, now=NOW) is None
    assert label_feedback(fed, platform, now=late).state.late == (said,)


def test_labels_that_never_began_fail_a_check_when_they_are_due(
    fed: Declaration, platform: Platform
) -> None:
    predict(platform, rows=140, days=14)
    due_by = START + timedelta(days=8)
    early = label_feedback(fed, platform, now=due_by - timedelta(seconds=1)).state
    assert early.late == ()
    said = "none of 70 predictions whose labels were due by 2024-01-09 00:00 has one"
    assert label_feedback(fed, platform, now=due_by).state.late == (said,)
    tell(platform, lambda i: i == 3, np.full(140, 0.5))
    assert label_feedback(fed, platform, now=due_by).state.late == ()


def test_labels_that_stopped_fail_a_check_that_stops_nothing(
    fed: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    fed = changed(fed, "window: 7d", "window: 7d, max_staleness: 10d")
    tell(platform, lambda i: i % 2 == 0, predict(platform))
    result = materialize(fed, instance, only=["labeled_feedback"])
    assert result.success
    assert checks(result) == {"bias_audit": True, "labels_in_time": False}
    late = next(c for c in result.get_asset_check_evaluations() if not c.passed)
    assert late.severity is dg.AssetCheckSeverity.WARN
    assert (late.description or "").startswith("the newest label is of 2024-01-1")


def test_a_dropped_file_is_taken_in_and_a_bad_one_is_refused(
    fed: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    fed = changed(fed, "window: 7d", "window: 7d, drop_folder: labels")
    predict(platform)
    folder = fed.folder / "labels"
    folder.mkdir()
    (folder / "bank.csv").write_text("loan_id,defaulted\nloan-1,true\nloan-2,no\nloan-x,true\n")
    (folder / "bad.csv").write_text("id,value\n1,2\n")
    _age(folder)
    result = materialize(fed, instance, only=["labeled_feedback"])
    shown = metadata(result, "labeled_feedback")
    assert (shown["joined"], shown["unknown"], shown["files"]) == (2, 1, 2)
    assert "bad.csv" in str(shown["findings"])
    assert (folder / "imported" / "bank.csv").exists()
    assert "needed are" in (folder / "refused" / "bad.csv.reason.txt").read_text()


def test_new_rows_of_the_declared_table_are_taken_in_once(
    fed: Declaration, platform: Platform
) -> None:
    fed = changed(fed, "window: 7d", "window: 7d, table: ledger")
    ledger = str(fed.folder / "ledger")

    def grow(*loans: str) -> None:
        frame = pd.DataFrame({"loan_id": loans, "defaulted": [True] * len(loans)})
        write_deltalake(ledger, frame, mode="append")

    def taken() -> list[int]:
        done = take_table(fed, platform, now=NOW)
        return [each.added for each in done if isinstance(each, Imported)]

    assert taken() == [], "it is not there yet"
    grow("a", "b")
    assert taken() == [2]
    assert taken() == []
    platform.handles.write("small_credit/label_table.json", '{"id": "none", "version": -1}')
    assert taken() == [0], "as after a kill: what was taken is known by its content"
    grow("c")
    DeltaTable(ledger).optimize.compact()
    assert taken() == [1], "the compaction brought no rows"
    rows = labels_table(platform.settings.data_url, "small_credit").read()
    assert sorted(rows["key"].to_pylist()) == ["a", "b", "c"]
    assert set(rows["source"].to_pylist()) == {"ledger"}


def test_a_table_that_holds_no_labels_is_said_and_not_passed_over(
    fed: Declaration, platform: Platform
) -> None:
    fed = changed(fed, "window: 7d", "window: 7d, table: ledger")
    write_deltalake(str(fed.folder / "ledger"), pd.DataFrame({"who": ["a"]}))
    for _ in range(2):
        [refused] = take_table(fed, platform, now=NOW)
        assert isinstance(refused, Refused)
        assert "needed are" in refused.reason


def test_a_commit_to_the_declared_table_starts_one_run(
    fed: Declaration, platform: Platform
) -> None:
    fed = changed(fed, "window: 7d", "window: 7d, table: ledger")
    cursor, url = Cursor(), platform.settings.data_url
    cursor, requests = due([fed], cursor, data_url=url, now=NOW)
    assert requests == []
    for number in range(2):
        write_deltalake(str(fed.folder / "ledger"), pd.DataFrame({"x": [1]}), mode="append")
        now = NOW + number * EVERY
        cursor, [request] = due([fed], cursor, data_url=url, now=now)
        assert f":{number}:" in (request.run_key or "")
        cursor, requests = due([fed], cursor, data_url=url, now=now + EVERY / 2)
        assert requests == []


def _age(folder: Path) -> None:
    import os

    for file in folder.glob("*.csv"):
        os.utime(file, (1_000_000, 1_000_000))


@pytest.fixture
def ticks(fed: Declaration, platform: Platform) -> Callable[..., list[str | None]]:
    """Tick at a moment; the run keys that are asked for."""
    cursor = Cursor()

    def tick(now: datetime) -> list[str | None]:
        nonlocal cursor
        cursor, requests = due([fed], cursor, data_url=platform.settings.data_url, now=now)
        assert all(request.job_name == "small_credit_feedback" for request in requests)
        return [request.run_key for request in requests]

    return tick


def test_new_labels_start_one_run_and_no_second(
    ticks: Callable[..., list[str | None]], platform: Platform
) -> None:
    assert ticks(NOW) == []
    scores = predict(platform)
    assert ticks(NOW) == [], "predictions without any label are nothing to join"
    tell(platform, lambda i: i < 10, scores)
    [key] = ticks(NOW)
    assert key is not None
    assert key.startswith("small_credit:feedback:1:")
    assert ticks(NOW + LATER) == []
    tell(platform, lambda i: i < 20, scores, number=2)
    assert ticks(NOW + LATER) == [key.replace(":1:", ":2:")]


def test_a_window_that_matures_starts_one_run_where_nothing_new_comes(
    ticks: Callable[..., list[str | None]], platform: Platform
) -> None:
    first_day = START + timedelta(hours=1)
    assert ticks(first_day) == []
    predict(platform, days=7)
    assert ticks(first_day) == []
    week, delay = timedelta(days=7), timedelta(days=1)
    matured = START + week + delay
    assert ticks(matured - timedelta(seconds=30)) == []
    [key] = ticks(matured)
    assert key == "small_credit:feedback:-1:1:-1::2024-01-08T00:00", "labels never began"
    assert ticks(matured + timedelta(seconds=30)) == []
    tell(platform, lambda i: i < 10, predict(platform, rows=10))
    [of_labels] = ticks(matured + EVERY)
    assert of_labels != key
    assert len(ticks(matured + week)) == 1, "predictions may have come in it"
    assert ticks(matured + 2 * week) == [], "none came since"


def test_a_window_that_matures_is_asked_for_by_one_key_however_often_a_tick_is_repeated(
    fed: Declaration, platform: Platform
) -> None:
    predict(platform)
    url = platform.settings.data_url
    cursor, requests = due([fed], Cursor(), data_url=url, now=START)
    assert requests == []
    again = [due([fed], cursor, data_url=url, now=NOW + n * timedelta(seconds=30)) for n in (0, 1)]
    assert len({request.run_key for _, [request] in again}) == 1


def test_labels_that_keep_coming_are_joined_every_few_minutes(
    ticks: Callable[..., list[str | None]], platform: Platform
) -> None:
    scores = predict(platform)
    tell(platform, lambda i: i < 10, scores)
    assert len(ticks(NOW)) == 1
    tell(platform, lambda i: i < 20, scores, number=2)
    assert ticks(NOW + EVERY / 2) == []
    assert len(ticks(NOW + EVERY)) == 1


def test_a_model_can_switch_the_sensor_off(fed: Declaration) -> None:
    off = changed(fed, "window: 7d", "window: 7d, automatic: false")
    definitions = build_definitions(load_declarations([off.folder.parent]))
    sensor = definitions.get_repository_def().get_sensor_def("feedback")
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance=instance)
        result = sensor.evaluate_tick(context)
    assert not result.run_requests
