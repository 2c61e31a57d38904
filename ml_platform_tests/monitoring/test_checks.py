"""What a report finds wrong."""

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ml_platform.drift.drift_test import DRIFT_TESTS
from ml_platform.evaluation.report import Evaluation, MetricValue
from ml_platform.feedback.estimate import why_not_estimated
from ml_platform.monitoring.activity import activity
from ml_platform.monitoring.check import Check
from ml_platform.monitoring.checks import CHECKS, QualityBound, checks
from ml_platform.monitoring.columns import column_health
from ml_platform.monitoring.page import report_html
from ml_platform.monitoring.pictures import pictures
from ml_platform.monitoring.report import LiveWindow, MonitoringReport, VersionQuality
from ml_platform.monitoring.traffic import Traffic, traffic
from ml_platform.release.evidence import Counts
from ml_platform.spec.monitoring import MonitoringSpec
from ml_platform.task import Task
from ml_platform_tests.monitoring.findings import NOON

RANDOM = np.random.default_rng(3)
PSI = DRIFT_TESTS.parse({"type": "population_stability"})


def predictions(rows: int = 1_000, **columns: Any) -> pa.Table:
    known: dict[str, Any] = {
        "score": RANDOM.random(rows),
        "version": np.full(rows, 3),
        "role": ["champion"] * rows,
        "latency_us": RANDOM.integers(20, 40, rows),
        "random": [False] * rows,
    }
    return pa.table(known | columns)


def report(table: pa.Table | None = None, **more: Any) -> MonitoringReport:
    return MonitoringReport(
        model="flights",
        begin=NOON,
        end=NOON + timedelta(days=1),
        made=NOON + timedelta(days=1),
        champion=3,
        activity=activity(predictions() if table is None else table),
        **more,
    )


def judged(made: MonitoringReport) -> MonitoringReport:
    return made.model_copy(update={"checks": checks(made, MonitoringSpec())})


def found(made: MonitoringReport, *bounds: QualityBound, **spec: Any) -> dict[str, Check]:
    every = checks(made, MonitoringSpec.model_validate(spec), bounds=bounds)
    return {check.name: check for check in every}


def test_every_check_comes_every_time_in_its_order() -> None:
    assert tuple(found(report())) == CHECKS
    assert tuple(found(report(predictions(0)))) == CHECKS


def test_a_quiet_window_without_labels_fails_nothing() -> None:
    every = found(report(traffic=Traffic(requests=1000)))
    assert {name: check.verdict for name, check in every.items()} == {
        "predictions": "passed",
        "input_drift": "passed",
        "prediction_drift": "unclear",
        "data_quality": "passed",
        "refusals": "passed",
        "errors": "passed",
        "latency": "passed",
        "live_quality": "unclear",
    }


def test_activity_tells_versions_and_roles_apart() -> None:
    roles = ["champion"] * 600 + ["shadow"] * 400
    versions = np.repeat([3, 4], [600, 400])
    parts = activity(predictions(role=roles, version=versions))
    assert [(a.version, a.role, a.predictions) for a in parts] == [
        (3, "champion", 600),
        (4, "shadow", 400),
    ]
    assert 0.02 <= (parts[0].mean_ms or 0) <= (parts[0].p95_ms or 0) <= 0.04


def test_activity_is_of_the_scores_that_are_numbers_and_of_all_times() -> None:
    table = pa.table(
        {
            "version": pa.array([1] * 5, pa.int64()),
            "role": pa.array(["champion"] * 5),
            "score": pa.array([0.2, 0.4, 0.4, float("nan"), None]),
            "latency_us": pa.array([1000, 2000, 3000, 4000, 5000], pa.int64()),
            "random": pa.array([True, None, False, False, False]),
        }
    )
    [found] = activity(table)
    assert (found.predictions, found.missing_scores, found.random_share) == (5, 2, 0.2)
    assert found.mean_score == pytest.approx(1 / 3)
    assert found.stdev_score == pytest.approx(np.std([0.2, 0.4, 0.4]))
    assert (found.mean_ms, found.p95_ms, found.p99_ms) == pytest.approx((3.0, 4.8, 4.96))
    assert found.distinct_scores == 3, "no number is one of them"
    assert activity(table.slice(0, 0)) == ()


def test_predictions_without_a_number_are_found() -> None:
    scores = RANDOM.random(1_000)
    scores[:3] = np.nan
    check = found(report(predictions(score=scores)))["predictions"]
    assert (check.verdict, check.severity) == ("failed", "critical")
    assert check.text == "3 of 1,000 predictions are no number"


def test_a_version_that_always_answers_the_same_is_found() -> None:
    check = found(report(predictions(score=np.full(1_000, 0.3))))["predictions"]
    assert check.text == "version 3 answers the same to everything"


def column(current: pd.Series, training: pd.Series | None = None) -> Any:
    trained = pd.Series(RANDOM.normal(size=20_000), name="distance")
    return column_health(trained if training is None else training, current, test=PSI, columns=1)


def test_a_column_in_another_unit_drifted() -> None:
    moved = column(pd.Series(RANDOM.normal(size=1_000) * 1.609 + 2, name="distance"))
    check = found(report(columns=(moved,)))["input_drift"]
    assert check.verdict == "failed"
    assert check.subjects == ("distance",)
    assert check.text.startswith("distance moved by ")
    assert check.figures["drift_distance"] > 0.2


def test_five_of_many_drifted_columns_are_described_and_all_named() -> None:
    trained, now = RANDOM.normal(size=2_000), RANDOM.normal(size=1_000) + 3
    moved = tuple(
        column(pd.Series(now, name=name), pd.Series(trained, name=name)) for name in "abcdefg"
    )
    check = found(report(columns=moved))["input_drift"]
    assert check.subjects == tuple("abcdefg")
    *parts, rest = check.text.split("; ")
    assert [part.split()[0] for part in parts] == list("abcde")
    assert rest == "2 more"


def test_drift_of_few_rows_is_not_judged() -> None:
    moved = column(pd.Series(np.full(50, 9.0), name="distance"))
    made = judged(report(predictions(50), columns=(moved,)))
    check = made.check("input_drift")
    assert check is not None
    assert check.verdict == "unclear"
    assert check.text == "50 predictions; 200 are asked for"
    assert moved.drift.verdict == "drifted"
    assert made.moved == {}, "what is not judged moved nobody"
    assert pictures(made) == {}


def test_predictions_that_moved_are_named() -> None:
    before, now = (pd.Series(RANDOM.normal(size=1_000) + by, name="prediction") for by in (0, 3))
    check = found(report(scores=PSI.compare(before, now)))["prediction_drift"]
    assert (check.verdict, check.subjects) == ("failed", ("prediction",))


def test_more_nulls_than_in_training_are_found() -> None:
    current = pd.Series(np.where(RANDOM.random(1_000) < 0.3, np.nan, 0.5), name="distance")
    check = found(report(columns=(column(current),)))["data_quality"]
    assert check.verdict == "failed"
    assert check.text.startswith("distance is null in ")
    assert "was 0.0% in training" in check.text
    assert check.figures == {"nulls/distance": pytest.approx(0.3, abs=0.05)}


def test_shares_of_nulls_and_of_values_never_seen_plot_of_the_columns_worst_off() -> None:
    now = [None] * 100 + ["DL"] * 400 + ["UA"] * 500
    of_text = column(pd.Series(now, name="carrier"), pd.Series(["UA"] * 900, name="carrier"))
    emptied = column(pd.Series([None] * 9 + [0.1], name="distance", dtype=float))
    many = [emptied.model_copy(update={"column": f"c{n}", "nulls": n / 100}) for n in range(60)]
    figures = found(report(columns=(*many, of_text)))["data_quality"].figures
    empty = [name for name in figures if name.startswith("nulls/")]
    assert empty == [f"nulls/c{n}" for n in range(59, 9, -1)], "the worst first, 50 at most"
    assert (figures["nulls/c59"], figures["unseen/carrier"]) == (0.59, 0.4)
    assert "unseen/c59" not in figures, "a number that was never seen is no news"
    quiet = found(report(columns=(of_text,)), max_unseen=0.5, max_nulls=0.2)["data_quality"]
    assert quiet.verdict == "passed"
    assert quiet.figures == {"nulls/carrier": 0.1, "unseen/carrier": 0.4}


def test_values_never_seen_are_found_by_name() -> None:
    training = pd.Series(["UA", "AA"] * 500, name="carrier")
    current = pd.Series(["UA"] * 500 + ["United"] * 500, name="carrier")
    check = found(report(columns=(column(current, training),)))["data_quality"]
    assert check.text == "50.0% of carrier are values never seen: United"


@pytest.mark.parametrize(
    ("kind", "share", "verdict"),
    [("errors", 0.02, "failed"), ("errors", 0.005, "passed"), ("refusals", 0.1, "failed")],
)
def test_shares_of_requests_are_held_against_their_bound(
    kind: str, share: float, verdict: str
) -> None:
    counted = Traffic(requests=1000, **{kind: {"out_of_range": int(share * 1000)}})
    check = found(report(traffic=counted))[kind]
    assert check.verdict == verdict
    assert f"(out_of_range {int(share * 1000)})" in check.text


def test_latency_is_held_against_a_declared_bound_only() -> None:
    assert found(report())["latency"].verdict == "passed"
    assert found(report(), max_p95_ms=0.01)["latency"].verdict == "failed"


def test_a_check_names_the_version_that_it_is_about() -> None:
    slow = predictions(version=np.repeat([3, 4], 500), latency_us=np.repeat([20, 9_000], 500))
    constant = predictions(version=np.repeat([3, 5], 500), score=np.repeat([0.2, 0.7], 500))
    constant = pa.concat_tables([constant.slice(500), predictions(500)])
    assert found(report(slow))["latency"].version == 4
    assert found(report(constant))["predictions"].version == 5
    assert found(report())["live_quality"].version == 3, "else the champion"


def live(value: float, half: float, *, greater_is_better: bool = True) -> LiveWindow:
    metric = MetricValue(
        key="roc_auc",
        value=value,
        low=value - half,
        high=value + half,
        rows=500,
        greater_is_better=greater_is_better,
    )
    evaluation = Evaluation(
        task=Task.BINARY, rows=500, metrics={"roc_auc": metric}, confidence=0.95, rounds=200, seed=0
    )
    begin = NOON - timedelta(days=7)
    judged = VersionQuality(version=2, role="champion", labeled=500, evaluation=evaluation)
    return LiveWindow(begin=begin, end=NOON, predictions=600, labeled=500, versions=(judged,))


@pytest.mark.parametrize(
    ("value", "half", "verdict"), [(0.7, 0.05, "failed"), (0.78, 0.05, "passed")]
)
def test_quality_fails_when_its_whole_interval_is_worse(
    value: float, half: float, verdict: str
) -> None:
    bound = QualityBound(metric="roc_auc", bound=0.8, why="gate minimum_metric_roc_auc")
    check = found(report(quality=live(value, half)), bound)["live_quality"]
    assert check.verdict == verdict
    assert (check.rows, check.version) == (500, 2), "who answered, not who is champion now"
    assert "version 2 as champion, window 2" in check.text
    assert check.figures == {"live_roc_auc": value}


def test_an_error_is_worse_when_it_is_higher() -> None:
    bound = QualityBound(metric="roc_auc", bound=0.5, why="declared")
    made = report(quality=live(0.7, 0.05, greater_is_better=False))
    assert found(made, bound)["live_quality"].verdict == "failed"


def test_severity_can_be_declared() -> None:
    made = found(report(), severity={"latency": "critical"})
    assert made["latency"].severity == "critical"


def test_traffic_counts_what_came_on_top_and_starts_anew_after_a_restart() -> None:
    first = traffic({("3", "champion"): Counts(requests=100, refusals={"missing": 4})}, {})
    later = traffic(
        {
            ("3", "champion"): Counts(requests=150, refusals={"missing": 9}),
            ("4", "shadow"): Counts(requests=999, errors={"raised": 9}),
        },
        {"unlogged": 2},
    )
    more = later.since(first)
    assert (more.requests, more.refusals, more.unlogged) == (50, {"missing": 5}, 2)
    assert [(v.version, v.role, v.requests) for v in more.versions] == [
        ("3", "champion", 50),
        ("4", "shadow", 999),
    ]
    assert first.since(later) == first


def test_a_task_without_an_estimate_says_so_where_the_labels_are_not_there_yet() -> None:
    made = report(not_estimated=why_not_estimated(Task.REGRESSION))
    said = "no estimate before the labels for task regression"
    check = found(made)["live_quality"]
    assert check.text.startswith(f"no window has matured; {said}")
    assert check.verdict == "unclear"
    assert said in report_html(made)
    assert said not in report_html(report())
    assert [task for task in Task if why_not_estimated(task)] == [Task.REGRESSION]


def test_requests_that_are_counted_elsewhere_are_missed_in_words() -> None:
    some = found(report(traffic=Traffic(requests=1_000, elsewhere=("b", "c"))))["errors"]
    assert some.text == "0.00% of 1,000 requests, without those of b, c"
    none = found(report(traffic=Traffic(elsewhere=("b",))))["refusals"]
    assert none.text == "nothing was asked since the last report, without those of b"


def test_what_a_candidate_could_not_answer_counts_once_for_clients() -> None:
    counted = traffic(
        {
            ("3", "champion"): Counts(requests=90, latency_total=90e3),
            ("4", "candidate"): Counts(
                requests=10, errors={"raised": 3}, refusals={"missing": 1}, latency_total=12e3
            ),
            ("3", "fallback"): Counts(requests=4, refusals={"missing": 1}, latency_total=18e3),
        },
        {},
    )
    assert (counted.requests, counted.errors, counted.refusals) == (100, {}, {"missing": 1})
    of = {(part.version, part.role): part for part in counted.versions}
    assert of["4", "candidate"].errors == {"raised": 3}
    assert (of["4", "candidate"].answers, of["4", "candidate"].mean_ms) == (6, pytest.approx(2.0))
    costing = report(traffic=counted, cost=12.0)
    assert costing.cost_of(of["3", "fallback"]) == pytest.approx(1.8)


def test_scanners_are_no_requests_of_the_model() -> None:
    strays = {"not_found": 900, "method_not_allowed": 50, "not_http": 5, "headers_too_large": 1}
    door = Counts(requests=959, refusals={**strays, "not_json": 3})
    counted = traffic({("", "door"): door, ("3", "champion"): Counts(requests=97)}, {})
    assert (counted.requests, counted.refusals) == (100, {"not_json": 3})
    assert counted.versions[0].answers == 0


def test_shares_of_requests_that_nobody_counted_are_unclear() -> None:
    every = found(report())
    assert every["errors"].verdict == every["refusals"].verdict == "unclear"
    assert "not counted" in every["errors"].text


def test_what_moved_since_the_window_before_plots_and_judges_nothing() -> None:
    before = pd.Series(RANDOM.normal(0, 1, 2_000), name="distance")
    current = pd.Series(RANDOM.normal(2, 1, 2_000), name="distance")
    health = column_health(current, current, before=before, test=PSI, columns=1)
    score = PSI.compare(before.rename("prediction"), current.rename("prediction"), columns=2)
    calm = PSI.compare(current.rename("prediction"), current.rename("prediction"), columns=2)
    every = found(report(columns=(health,), scores=calm, scores_before=score))
    assert every["input_drift"].verdict == every["prediction_drift"].verdict == "passed"
    assert every["input_drift"].figures["drift_before/distance"] > 0.5
    assert every["prediction_drift"].figures["drift_before/prediction"] > 0.5
    assert "drift_before/confidence" not in every["prediction_drift"].figures


def test_predictions_that_moved_away_from_the_holdout_fail() -> None:
    holdout = pd.Series(RANDOM.beta(2, 5, 2_000), name="prediction")
    now = pd.Series(RANDOM.beta(5, 2, 2_000), name="prediction")
    sure = [np.maximum(each, 1 - each).rename("confidence") for each in (holdout, now)]
    moved = {
        "scores": PSI.compare(holdout, now, columns=2),
        "confidence": PSI.compare(sure[0], sure[1], columns=2),
    }
    check = found(report(**moved))["prediction_drift"]
    assert check.verdict == "failed"
    assert check.text.startswith("prediction moved by")
    assert set(check.figures) == {"drift_prediction", "drift_confidence"}
    assert found(report(predictions(50), **moved))["prediction_drift"].verdict == "unclear"
