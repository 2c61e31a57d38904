"""Live quality rests on what was observed, by whoever did."""

from datetime import timedelta

from ml_platform.component.platform import Platform
from ml_platform.component.steps.ingest_journal import ingest_journal
from ml_platform.component.steps.live_window import Labeled, latest_window
from ml_platform.monitoring.report import LiveWindow
from ml_platform.serving.journal.record import feedback_record, prediction_record
from ml_platform.spec.load import Declaration
from ml_platform_tests.component.production_days import BEGIN, join
from ml_platform_tests.component.running import changed
from ml_platform_tests.component.steps.test_ingest_journal import log

ASKED = {"applied_at": "2024-03-04T10:30:00", "amount": 1500.5, "purpose": "car"}


def prediction(number: int) -> bytes:
    score = (number % 10) / 10
    return prediction_record(
        prediction_id=f"id-{number}", sent=False, key=None,
        at=BEGIN.timestamp() + number, features=ASKED, prediction=score >= 0.5, score=score,
        scores=None, version=1, role="champion", latency_us=40, request_id="",
    )  # fmt: skip


def label(number: int, *, source: str, right: bool, after: float = 60) -> bytes:
    told = BEGIN.timestamp() + after + number
    truth = (number % 10 >= 5) == right
    return feedback_record(
        prediction_id=f"id-{number}", label=truth, observed_at=told, source=source, at=told
    )


def with_feedback(declaration: Declaration) -> Declaration:
    declared = "  feedback: {label_delay: 1h, window: 1d}\n  gates:\n"
    return changed(declaration, "  gates:\n", declared)


def judged(
    declared: Declaration, platform: Platform, *records: bytes, known: LiveWindow | None = None
) -> Labeled:
    """The first day of production, once these records are in the tables."""
    if records:
        log(declared, list(records))
    ingest_journal(declared, platform, now=BEGIN + timedelta(days=30))
    join(declared, platform)
    until, classes = BEGIN + timedelta(days=2), (False, True)
    return latest_window(declared, platform, until=until, champion=1, classes=classes, known=known)


def test_labels_that_the_model_gave_itself_are_no_quality(
    declaration: Declaration, platform: Platform
) -> None:
    seen = [label(number, source="ledger", right=True) for number in range(40)]
    own = [label(number, source="model", right=False) for number in range(40, 60)]
    found = judged(with_feedback(declaration), platform, *map(prediction, range(60)), *seen, *own)
    assert found.quality is not None
    assert found.quality.evaluation is not None
    assert (found.quality.predictions, found.quality.labeled) == (60, 40)
    assert found.quality.evaluation.metrics["roc_auc"].value == 1.0
    assert set(found.rows["source"]) == {"ledger"}


def test_a_window_is_judged_anew_when_a_label_changes_and_only_then(
    declaration: Declaration, platform: Platform
) -> None:
    declared = with_feedback(declaration)
    labels = [label(number, source="ledger", right=True) for number in range(40)]
    first = judged(declared, platform, *map(prediction, range(60)), *labels).quality
    assert first is not None
    kept = first.model_copy(update={"evaluation": None})
    assert judged(declared, platform, known=kept).quality == kept
    wrong = label(7, source="clerk", right=False, after=600)
    anew = judged(declared, platform, wrong, known=kept).quality
    assert anew is not None
    assert anew.evaluation is not None
    assert anew.evaluation.metrics["roc_auc"].value != 1.0
    assert anew.fingerprint != kept.fingerprint


def test_a_window_is_judged_anew_when_something_else_is_asked(
    declaration: Declaration, platform: Platform
) -> None:
    gate = "  gates:\n    - {type: no_regression, metric: roc_auc, tolerance: 0.1}\n"
    declared = changed(with_feedback(declaration), "  gates:\n", gate)
    labels = [label(number, source="ledger", right=True) for number in range(40)]
    known = judged(declared, platform, *map(prediction, range(60)), *labels).quality
    watching = changed(
        declared,
        "  gates:\n",
        "  retraining: {on_quality: {metric: precision_at_5, floor: 0.5}}\n  gates:\n",
    )
    anew = judged(watching, platform, known=known).quality
    assert known is not None
    assert known.evaluation is not None
    assert anew is not None
    assert anew.evaluation is not None
    assert "precision_at_5" in anew.evaluation.metrics.keys() - known.evaluation.metrics.keys()


def test_a_model_without_slices_is_judged(declaration: Declaration, platform: Platform) -> None:
    spec = with_feedback(declaration).spec
    evaluation = spec.evaluation.model_copy(update={"slices": (), "sensitive": ()})
    plain = Declaration(spec.model_copy(update={"evaluation": evaluation}), declaration.file)
    labels = [label(number, source="ledger", right=True) for number in range(40)]
    found = judged(plain, platform, *map(prediction, range(60)), *labels).quality
    assert found is not None
    assert found.evaluation is not None
    assert found.evaluation.slices == ()
    assert judged(plain, platform, known=found).quality == found
