from collections import Counter

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from ml_platform.gates.gate import GATES
from ml_platform.testing.gates import check_gate
from ml_platform_tests.gates.rows import evidence_of, groups, two_models

NAMES = [f"s{i}" for i in range(8)]


def gate(**declared):
    declared = {"metric": "roc_auc", "columns": "group", **declared}
    bound = {} if "ceiling" in declared else {"floor": 0.65}
    return GATES.parse({"type": "slice_metric", **bound, **declared})


def evidence(*, rows=8_000, seed=0, bad=None, frame=None, area=0.75):
    """Every slice has the same true AUC, but for `bad`, whose scores say nothing."""
    target, _, scores = two_models(rows, seed=seed, area=area)
    frame = groups(rows, NAMES) if frame is None else frame
    if bad is not None:
        places = np.flatnonzero(frame["group"] == bad)
        scores[places] = np.random.default_rng(seed).random(len(places))
    return evidence_of(target, scores, holdout=frame)


def test_good_slices_pass_and_the_reason_names_the_lowest() -> None:
    record = check_gate(gate(), evidence(rows=16_000), verdict="passed")
    result = record.result
    lowest = min(result.details["slices"], key=lambda row: row["value"])
    assert result.value == lowest["value"]
    assert result.bound == 0.65
    assert result.reason.startswith("roc_auc keeps the floor 0.65 in 8 of 8 slices: ")
    assert lowest["part"] in result.reason


def test_one_bad_slice_fails_and_is_named() -> None:
    record = check_gate(gate(), evidence(bad="s3"), verdict="failed")
    assert record.blocks
    assert "proven below the floor 0.65 in 1 of 8 slices: group=s3 0." in record.result.reason
    assert record.result.rows == 1_000


def test_slices_at_the_floor_seldom_fail_however_many() -> None:
    judged = gate(floor=0.75, min_rows=100)
    found = Counter(judged.judge(evidence(rows=1_600, seed=s)).verdict for s in range(60))
    assert found["failed"] <= 4
    assert found["passed"] == 0


def test_slice_proven_by_the_tolerance_only() -> None:
    found = evidence(rows=16_000, area=0.66)
    assert gate(floor=0.65).judge(found).verdict == "inconclusive"
    assert gate(floor=0.65, tolerance=0.06).judge(found).verdict == "passed"


def test_small_slices_are_inconclusive_unless_ignored() -> None:
    frame = groups(8_000, NAMES)
    frame.loc[:20, "group"] = "rare"
    found = evidence(rows=8_000, frame=frame, area=0.8)
    record = check_gate(gate(), found, verdict="inconclusive")
    assert "under 200 rows and not judged: group=rare (21)" in record.result.reason
    ignoring = check_gate(gate(below_min_rows="ignore"), found, verdict="passed")
    assert "group=rare (21)" in ignoring.result.reason


def test_no_slice_large_enough_is_inconclusive_even_when_small_ones_are_ignored() -> None:
    declared = gate(min_rows=5_000, below_min_rows="ignore")
    check_gate(declared, evidence(), verdict="inconclusive")


def test_slice_of_one_class_is_inconclusive_with_its_reason() -> None:
    found = evidence(area=0.8)
    found.target[found.holdout["group"] == "s2"] = 0
    result = gate().judge(found)
    assert result.verdict == "inconclusive"
    assert "group=s2 is not measurable: all rows are of one class (negative)" in result.reason


def test_ceiling_holds_errors() -> None:
    result = gate(metric="log_loss", ceiling=0.7, rounds=200).judge(evidence())
    assert result.verdict == "passed"
    worst = max(result.details["slices"], key=lambda row: row["value"])
    assert result.value == worst["value"]
    assert worst["low"] < worst["value"] < worst["high"] <= 0.7
    result = gate(metric="log_loss", ceiling=0.1, rounds=200).judge(evidence())
    assert result.verdict == "failed"
    assert "proven above the ceiling 0.1" in result.reason


def test_columns_join_the_check_name_and_stay_one_of_a_kind() -> None:
    assert gate().check_name == "slice_metric_roc_auc_group"
    assert gate(columns=["a", "b"]).check_name == "slice_metric_roc_auc_a_b"
    names = {gate(columns=[column]).check_name for column in ("地区", "年龄", "a b", "a_b")}
    assert len(names) == 4
    assert gate(columns=["a", "b"]).divides_by == ("a", "b")


def test_missing_column_is_inconclusive() -> None:
    result = gate(columns="nowhere").judge(evidence(frame=pd.DataFrame(groups(8_000, NAMES))))
    assert result.verdict == "inconclusive"
    assert "no column 'nowhere'" in result.reason


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"ceiling": 0.5}, "give a `floor`"),
        ({"metric": "log_loss"}, "give a `ceiling`"),
        ({"floor": None}, "either a floor or a ceiling"),
        ({"columns": []}, "columns"),
        ({"min_rows": 3}, "min_rows"),
        ({"correction": "none"}, "correction"),
    ],
)
def test_wrong_declaration_is_refused_at_load(declared, said) -> None:
    with pytest.raises(ValidationError, match=said):
        gate(**declared)
