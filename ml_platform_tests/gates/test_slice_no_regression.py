from collections import Counter

import numpy as np

from ml_platform.gates.gate import GATES
from ml_platform.testing.gates import check_gate
from ml_platform_tests.gates.rows import evidence_of, groups, two_models

NAMES = [f"s{i}" for i in range(6)]


def gate(**declared):
    return GATES.parse(
        {
            "type": "slice_no_regression",
            "metric": "roc_auc",
            "columns": ["group"],
            "tolerance": 0.03,
            **declared,
        }
    )


def evidence(*, rows=12_000, seed=0, bad=None, **more):
    target, scores, champion = two_models(rows, seed=seed)
    frame = groups(rows, NAMES)
    if bad is not None:
        worse = two_models(rows, seed=seed, drop=0.15)[1]
        scores = np.where(frame["group"] == bad, worse, scores)
    return evidence_of(target, scores, champion, holdout=frame, **more)


def test_equal_candidate_passes_in_all_slices() -> None:
    record = check_gate(gate(), evidence(), verdict="passed")
    assert "in 6 of 6 slices" in record.result.reason
    assert record.result.bound == -0.03


def test_regression_of_one_slice_fails_and_is_named() -> None:
    record = check_gate(gate(), evidence(bad="s4"), verdict="failed")
    assert "group=s4 -0." in record.result.reason
    assert record.result.rows == 2_000
    assert record.result.value < -0.03


def test_equal_candidate_seldom_fails_on_few_rows() -> None:
    judged = gate(min_rows=100)
    found = Counter(judged.judge(evidence(rows=900, seed=s)).verdict for s in range(60))
    assert found["failed"] <= 4


def test_first_release_passes() -> None:
    target, scores, _ = two_models(500, seed=0)
    record = check_gate(gate(), evidence_of(target, scores), verdict="passed")
    assert "first release" in record.result.reason


def test_rows_that_the_champion_was_trained_on_are_left_out_of_the_slices() -> None:
    seen = np.arange(12_000) < 6_000
    result = gate(tolerance=0.05).judge(evidence(seen=seen))
    assert {row["rows"] for row in result.details["slices"]} == {1_000}
    assert "version 3 was trained on 6,000 of the 12,000 rows" in result.reason
