"""Live quality rests on what was observed, by whoever did."""

from datetime import timedelta

from ml_platform.component.platform import Platform
from ml_platform.component.steps.ingest_journal import ingest_journal
from ml_platform.component.steps.live_window import Labeled, latest_window
from ml_platform.exceptions import ModelError
from ml_platform.monitoring.report import LiveWindow, VersionQuality
from ml_platform.serving.journal.record import feedback_record, prediction_record
from ml_platform.spec.load import Declaration
from ml_platform_tests.component.production_days import BEGIN, join
from ml_platform_tests.component.running import changed
from ml_platform_tests.component.steps.test_ingest_journal import log

ASKED = {"applied_at": "2024-03-04T10:30:00", "amount": 1500.5, "purpose": "car"}


def prediction(number: int, *, version: int = 1, role: str = "champion") -> bytes:
    score = (number % 10) / 10
    return prediction_record(
        prediction_id=f"id-{number}", sent=False, key=None,
        at=BEGIN.timestamp() + number, features=ASKED, prediction=score >= 0.5, score=score,
        scores=None, version=version, role=role, latency_us=40, request_id="",
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
    until = BEGIN + timedelta(days=2)
    return latest_window(declared, platform, until=until, classes=classes_of, known=known)


def classes_of(version: int) -> tuple[bool, bool]:
    if version == 9:
        raise ModelError("small_credit has no version 9")
    return False, True


def roc_auc(found: VersionQuality | None) -> float | None:
    assert found is not None
    assert found.evaluation is not None
    return found.evaluation.metrics["roc_auc"].value


def test_labels_that_the_model_gave_itself_are_no_quality(
    declaration: Declaration, platform: Platform
) -> None:
    seen = [label(number, source="ledger", right=True) for number in range(40)]
    own = [label(number, source="model", right=False) for number in range(40, 60)]
    found = judged(with_feedback(declaration), platform, *map(prediction, range(60)), *seen, *own)
    assert found.quality is not None
    assert (found.quality.predictions, found.quality.labeled) == (60, 40)
    assert roc_auc(found.quality.most) == 1.0
    assert set(found.rows["source"]) == {"ledger"}


def test_a_window_is_judged_anew_when_a_label_changes_and_only_then(
    declaration: Declaration, platform: Platform
) -> None:
    declared = with_feedback(declaration)
    labels = [label(number, source="ledger", right=True) for number in range(40)]
    first = judged(declared, platform, *map(prediction, range(60)), *labels).quality
    assert first is not None
    assert first.most is not None
    [one] = first.versions
    kept = first.model_copy(update={"versions": (one.model_copy(update={"evaluation": None}),)})
    assert judged(declared, platform, known=kept).quality == kept
    wrong = label(7, source="clerk", right=False, after=600)
    anew = judged(declared, platform, wrong, known=kept).quality
    assert anew is not None
    assert roc_auc(anew.most) != 1.0
    assert anew.versions[0].fingerprint != one.fingerprint


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
    assert "precision_at_5" in measured(anew) - measured(known)


def test_a_model_without_slices_is_judged(declaration: Declaration, platform: Platform) -> None:
    spec = with_feedback(declaration).spec
    evaluation = spec.evaluation.model_copy(update={"slices": (), "sensitive": ()})
    plain = Declaration(spec.model_copy(update={"evaluation": evaluation}), declaration.file)
    labels = [label(number, source="ledger", right=True) for number in range(40)]
    found = judged(plain, platform, *map(prediction, range(60)), *labels).quality
    assert found is not None
    assert found.most is not None
    assert found.most.evaluation is not None
    assert found.most.evaluation.slices == ()
    assert judged(plain, platform, known=found).quality == found


def measured(window: LiveWindow | None) -> set[str]:
    assert window is not None
    assert window.most is not None
    assert window.most.evaluation is not None
    return set(window.most.evaluation.metrics)


def with_min_rows(declaration: Declaration, rows: int) -> Declaration:
    few = f"  monitoring: {{min_rows: {rows}}}\n  gates:\n"
    return changed(with_feedback(declaration), "  gates:\n", few)


def test_each_version_is_judged_in_each_role_by_what_it_answered(
    declaration: Declaration, platform: Platform
) -> None:
    before = [prediction(number) for number in range(50)]
    tried = [prediction(number, version=2, role="candidate") for number in range(50, 90)]
    after = [prediction(number, version=2) for number in range(90, 120)]
    few = [prediction(number, version=1, role="fallback") for number in range(120, 130)]
    along = [prediction(number, version=3, role="shadow") for number in range(50)]
    labels = [label(number, source="ledger", right=not 50 <= number < 90) for number in range(130)]
    found = judged(
        with_min_rows(declaration, 30), platform, *before, *tried, *after, *few, *along, *labels
    )
    window = found.quality
    assert window is not None
    assert [(each.who, each.labeled, roc_auc(each)) for each in window.versions] == [
        ("version 1 as champion", 50, 1.0),
        ("version 2 as candidate", 40, 0.0),
        ("version 2 as champion", 30, 1.0),
        ("version 3 as shadow", 50, 1.0),
    ]
    assert window.most == window.versions[0]
    assert window.of(2) == window.versions[1]
    assert window.of(3) is None, "it answered nobody"
    assert (window.predictions, window.labeled, len(found.rows)) == (130, 130, 130)


def test_who_answered_most_is_judged_however_little_that_is(
    declaration: Declaration, platform: Platform
) -> None:
    labels = [label(number, source="ledger", right=True) for number in range(40)]
    asked = [prediction(number, version=1 + (number < 10)) for number in range(40)]
    window = judged(with_min_rows(declaration, 200), platform, *asked, *labels).quality
    assert window is not None
    assert [each.who for each in window.versions] == ["version 1 as champion"]


def test_a_version_that_is_not_there_any_more_is_unknown_with_its_reason(
    declaration: Declaration, platform: Platform
) -> None:
    labels = [label(number, source="ledger", right=True) for number in range(70)]
    asked = [prediction(number, version=9 if number < 40 else 1) for number in range(70)]
    window = judged(with_min_rows(declaration, 20), platform, *asked, *labels).quality
    assert window is not None
    assert window.most is None
    assert window.why_unknown == "small_credit has no version 9"
    assert roc_auc(window.of(1)) == 1.0
