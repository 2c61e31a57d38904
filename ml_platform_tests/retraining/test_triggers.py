"""What starts a training, and what does not."""

from datetime import UTC, datetime, timedelta

import pytest

from ml_platform.retraining.budget import TrainingRun
from ml_platform.retraining.triggers import Facts, LiveQuality, Trigger, reasons
from ml_platform.spec.retraining import LiveQualitySpec, RetrainingSpec

TRAINED = datetime(2013, 4, 1, tzinfo=UTC)


def facts(**known: object) -> Facts:
    return Facts.model_validate({"model": "m", "trained_at": TRAINED, **known})


def quality(low: float, high: float, *, greater_is_better: bool = True) -> LiveQuality:
    return LiveQuality(
        metric="roc_auc",
        value=(low + high) / 2,
        low=low,
        high=high,
        rows=900,
        window="2013-04",
        greater_is_better=greater_is_better,
    )


def fired(spec: RetrainingSpec, known: Facts) -> list[Trigger]:
    return [reason.trigger for reason in reasons(spec, known)]


def test_nothing_declared_fires_nothing() -> None:
    known = facts(new_labels=10**6, drifted=("a",), quality=quality(0.1, 0.2), data_version="x")
    assert fired(RetrainingSpec(), known) == []


@pytest.mark.parametrize(("labels", "expected"), [(4999, []), (5000, [Trigger.NEW_LABELS])])
def test_labels_fire_from_the_declared_number_on(labels: int, expected: list[Trigger]) -> None:
    known = facts(new_labels=labels, labels_through="7")
    assert fired(RetrainingSpec(min_new_labels=5000), known) == expected


def test_drift_names_the_features() -> None:
    [reason] = reasons(
        RetrainingSpec(on_drift=True), facts(drifted=("dep_delay",), drift_report="2013-04-03")
    )
    assert reason.text == "dep_delay drifted in the window of 2013-04-03"
    assert reason.key == "2013-04-03"


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.60, 0.69, [Trigger.QUALITY]), (0.60, 0.71, []), (0.75, 0.80, [])],
)
def test_quality_fires_only_beyond_its_noise(
    low: float, high: float, expected: list[Trigger]
) -> None:
    spec = RetrainingSpec(on_quality=LiveQualitySpec(metric="roc_auc", floor=0.70))
    assert fired(spec, facts(quality=quality(low, high))) == expected


def test_quality_fires_below_the_certificate_less_the_allowed_drop() -> None:
    spec = RetrainingSpec(on_quality=LiveQualitySpec(metric="roc_auc", max_drop=0.05))
    known = facts(quality=quality(0.70, 0.74), certified=0.80)
    [reason] = reasons(spec, known)
    assert "worse than 0.75 allowed by the champion's certificate" in reason.text
    assert fired(spec, known.model_copy(update={"certified": 0.78})) == []


def test_each_reason_has_the_figures_behind_it() -> None:
    spec = RetrainingSpec(
        min_new_labels=10,
        on_drift=True,
        on_new_data=True,
        on_quality=LiveQualitySpec(metric="roc_auc", floor=0.70),
    )
    known = facts(
        due=TRAINED,
        new_labels=12,
        labels_through="7",
        drifted=("a", "b", "c"),
        moved={"a": 0.3, "b": 0.4},
        drift_test="population_stability",
        drift_report="2013-04-03",
        quality=quality(0.5, 0.6),
        data_version="b",
        trained_on="a",
    )
    assert {reason.trigger: reason.evidence for reason in reasons(spec, known)} == {
        Trigger.SCHEDULE: {"due": TRAINED.isoformat()},
        Trigger.NEW_LABELS: {"labels": 12, "enough": 10, "through": "7"},
        Trigger.DRIFT: {
            "report": "2013-04-03",
            "test": "population_stability",
            "drifted": 3,
            "moved": {"b": 0.4, "a": 0.3, "c": None},
        },
        Trigger.QUALITY: {
            "metric": "roc_auc",
            "value": 0.55,
            "low": 0.5,
            "high": 0.6,
            "rows": 900,
            "window": "2013-04",
            "limit": 0.7,
            "allowed_by": "the floor",
        },
        Trigger.NEW_DATA: {"data": "b", "trained_on": "a"},
    }


def test_evidence_of_drift_names_the_features_that_moved_furthest() -> None:
    moved = {f"f{n:03}": n / 100 for n in range(1000)}
    known = facts(drifted=tuple(moved), moved=moved, drift_report="2013-04-03")
    [reason] = reasons(RetrainingSpec(on_drift=True), known)
    assert reason.evidence["drifted"] == 1000
    assert reason.evidence["moved"] == {f"f{n:03}": n / 100 for n in range(999, 979, -1)}


def test_an_error_is_bad_when_it_is_high() -> None:
    spec = RetrainingSpec(on_quality=LiveQualitySpec(metric="rmse", floor=10))
    assert fired(spec, facts(quality=quality(11, 12, greater_is_better=False))) == [Trigger.QUALITY]
    assert fired(spec, facts(quality=quality(9, 12, greater_is_better=False))) == []


def test_new_data_fires_when_it_is_other_than_what_was_trained_on() -> None:
    spec = RetrainingSpec(on_new_data=True)
    assert fired(spec, facts(data_version="b", trained_on="a")) == [Trigger.NEW_DATA]
    assert fired(spec, facts(data_version="a", trained_on="a")) == []
    assert fired(spec, facts(data_version=None, trained_on="a")) == []


def test_a_model_never_trained_is_started_by_its_schedule_alone() -> None:
    spec = RetrainingSpec(schedule="0 3 * * *", on_new_data=True, min_new_labels=1)
    known = facts(trained_at=None, due=TRAINED, data_version="a", new_labels=5)
    assert fired(spec, known) == [Trigger.SCHEDULE]


def test_a_run_since_it_was_due_answers_the_schedule() -> None:
    def run(model: str, hours: int) -> TrainingRun:
        return TrainingRun(model=model, run_id="r", started=TRAINED + timedelta(hours=hours))

    known = facts(due=TRAINED + timedelta(hours=2))
    assert known.after([run("m", 1), run("another", 3)]).due == known.due
    assert known.after([run("m", 2)]).due is None
