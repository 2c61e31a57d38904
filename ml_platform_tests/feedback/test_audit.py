import json

import numpy as np
import pytest

from ml_platform.feedback.audit import Coverage, Feedback, SourceLabels, audit, psi_of_labeled
from ml_platform.spec.feedback import AuditSpec

SPEC = AuditSpec()


def coverage(predicted: list[int], labeled: list[int], kind: str = "slice") -> Coverage:
    groups = tuple("abcdefghij"[: len(predicted)])
    return Coverage("origin", kind, groups, np.array(predicted), np.array(labeled))


def feedback(*coverages: Coverage, **more: object) -> Feedback:
    first = coverages[0]
    known = {"predicted": int(first.predicted.sum()), "labeled": int(first.labeled.sum())}
    return Feedback(**{**known, "coverages": coverages, "delivered": 1000, **more})


def test_labels_that_fall_anywhere_pass():
    found = audit(feedback(coverage([1000, 1000], [790, 805])), SPEC)
    assert found.result.verdict == "passed"
    assert found.trainable == "all"
    assert "1,595 of 2,000 matured predictions are labeled" in found.result.reason


def test_a_group_that_is_labeled_less_is_named_with_both_rates():
    found = audit(feedback(coverage([1000, 1000], [500, 800])), SPEC)
    assert found.result.verdict == "failed"
    assert found.trainable == "none"
    assert "slice origin = a is labeled at 50.0%, the others at 80.0%" in found.result.reason


def test_a_gap_within_the_tolerance_passes_however_sure_it_is():
    found = audit(feedback(coverage([1_000_000, 1_000_000], [750_000, 800_000])), SPEC)
    assert found.result.verdict == "passed"


def test_a_gap_that_chance_may_give_passes():
    assert audit(feedback(coverage([1000, 12], [800, 7])), SPEC).result.verdict == "passed"


def test_too_few_labels_cannot_tell():
    found = audit(feedback(coverage([100, 100], [90, 20])), SPEC)
    assert found.result.verdict == "inconclusive"
    assert "at least 200 are needed" in found.result.reason
    strict = SPEC.model_copy(update={"on_inconclusive": "block"})
    assert audit(feedback(coverage([100, 100], [90, 20])), strict).trainable == "none"


def test_a_column_that_moved_among_the_labeled_is_named():
    shifted = coverage([1000] * 5, [900, 700, 500, 300, 100], "column")
    found = audit(feedback(shifted), SPEC)
    assert found.result.verdict == "failed"
    assert "origin of the labeled lies apart from all" in found.result.reason


@pytest.mark.parametrize(
    ("contradicted", "verdict"), [(40, "passed"), (60, "passed"), (120, "failed")]
)
def test_a_source_that_is_contradicted_beyond_chance_fails(contradicted: int, verdict: str):
    sources = [SourceLabels("bank", 1000, contradicted), SourceLabels("branch", 1000, 3)]
    found = audit(feedback(coverage([1000, 1000], [800, 800]), sources=sources), SPEC)
    assert found.result.verdict == verdict


def test_labels_of_the_model_itself_fail():
    found = audit(feedback(coverage([1000, 1000], [800, 800]), model_labels=100), SPEC)
    assert "6.2% of the labels are the model's own" in found.result.reason


def test_what_was_measured_is_in_the_details_whatever_the_verdict():
    asked = feedback(
        coverage([1000, 1000], [800, 800]),
        sources=[SourceLabels("bank", 1000, 40), SourceLabels("branch", 0, 0)],
        model_labels=8,
        quarantined=20,
        explored=[coverage([50, 50], [40, 41])],
    )
    found = audit(asked, SPEC)
    assert found.result.verdict == "passed"
    details = json.loads(found.model_dump_json())["result"]["details"]
    assert details["sources"] == {
        "bank": {"labels": 1000, "contradicted": 0.04},
        "branch": {"labels": 0, "contradicted": None},
    }
    assert (details["model_labels"], details["quarantined"]) == (0.005, 0.02)
    assert details["explored"] == {"origin": {"a": [50, 40], "b": [50, 41]}}
    few = audit(feedback(coverage([9, 9], [1, 1]), model_labels=0), SPEC)
    assert few.result.verdict == "inconclusive"
    assert few.result.details["model_labels"] == 0


def test_labels_that_break_the_contract_fail_even_where_few_are_there():
    found = audit(feedback(coverage([10, 10], [1, 1]), quarantined=500), SPEC)
    assert found.result.verdict == "failed"


def test_decisions_at_random_may_teach_where_the_rest_was_selected():
    chosen = coverage([2000, 2000], [1900, 60], "decision")
    even = coverage([150, 150], [140, 141], "decision")
    found = audit(feedback(chosen, explored=[even]), SPEC)
    assert found.result.verdict == "failed"
    assert found.trainable == "exploration"
    uneven = coverage([300, 300], [290, 20], "decision")
    assert audit(feedback(chosen, explored=[uneven]), SPEC).trainable == "none"


def test_a_warning_lets_everything_teach():
    found = audit(
        feedback(coverage([1000, 1000], [500, 800])), SPEC.model_copy(update={"enforce": "warn"})
    )
    assert found.trainable == "all"
    assert not found.record(SPEC.model_copy(update={"enforce": "warn"})).blocks
    assert found.record(SPEC).blocks


def test_psi_of_labels_drawn_by_chance_is_about_nothing():
    rng = np.random.default_rng(3)
    predicted = np.full(10, 500)
    values = [psi_of_labeled(predicted, rng.binomial(predicted, 0.5))[0] for _ in range(200)]
    assert np.mean(values) < 0.002


def test_clean_feedback_fails_at_most_twice_in_a_hundred_at_no_tolerance():
    """Even where any difference would matter, chance alone is not called a selection."""
    strict = SPEC.model_copy(update={"max_coverage_gap": 0.0, "max_shift": 1e-9})
    rng = np.random.default_rng(4)
    failed = 0
    for _ in range(300):
        predicted = rng.multinomial(3000, np.full(10, 0.1))
        labeled = rng.binomial(predicted, 0.7)
        both = [coverage(list(predicted), list(labeled), kind) for kind in ("slice", "column")]
        failed += audit(feedback(*both), strict).result.verdict == "failed"
    assert failed <= 6
