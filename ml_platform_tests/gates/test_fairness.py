from collections import Counter

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from ml_platform.gates.gate import GATES
from ml_platform.task import Task
from ml_platform.testing.gates import check_gate
from ml_platform_tests.gates.rows import evidence_of

MEASURES = ["disparate_impact", "demographic_parity", "equalized_odds"]


def gate(measure, **declared):
    return GATES.parse({"type": "fairness", "attribute": "sex", "measure": measure, **declared})


def evidence(*, rows=6_000, selected=(0.5, 0.5), base=0.4, seed=0, **more):
    """Groups in turn, each decided positive at its own rate whatever the target."""
    rng = np.random.default_rng(seed)
    group = np.arange(rows) % len(selected)
    scores = np.where(rng.random(rows) < np.array(selected)[group], 0.9, 0.1)
    target = (rng.random(rows) < base).astype(int)
    frame = pd.DataFrame({"sex": [f"g{place}" for place in group]})
    return evidence_of(target, scores, holdout=frame, **more)


@pytest.mark.parametrize("measure", MEASURES)
def test_fair_model_passes_and_unfair_one_fails(measure) -> None:
    check_gate(gate(measure), evidence(), verdict="passed")
    record = check_gate(gate(measure), evidence(selected=(0.3, 0.6)), verdict="failed")
    assert "sex=g0 and sex=g1" in record.result.reason
    assert record.blocks


@pytest.mark.parametrize("measure", MEASURES)
def test_small_groups_are_inconclusive_not_failed(measure) -> None:
    found = evidence(rows=120, selected=(0.1, 0.9))
    record = check_gate(gate(measure), found, verdict="inconclusive")
    assert "under 100 rows and not judged" in record.result.reason


@pytest.mark.parametrize("measure", MEASURES)
def test_groups_at_the_bound_seldom_fail_and_seldom_pass(measure) -> None:
    selected = (0.4, 0.5) if measure == "disparate_impact" else (0.45, 0.55)
    found = Counter(
        gate(measure).judge(evidence(rows=1_000, selected=selected, seed=s)).verdict
        for s in range(200)
    )
    assert found["failed"] <= 10
    assert found["passed"] <= 10


def test_many_equal_groups_are_not_called_unfair() -> None:
    found = Counter(
        gate("demographic_parity").judge(evidence(rows=2_400, selected=[0.5] * 12, seed=s)).verdict
        for s in range(60)
    )
    assert found["failed"] == 0


def test_value_is_the_extreme_over_groups_with_its_interval() -> None:
    result = gate("disparate_impact").judge(evidence(selected=(0.5, 0.45, 0.2)))
    frame = evidence(selected=(0.5, 0.45, 0.2))
    rates = pd.Series(frame.scores >= 0.5).groupby(frame.holdout["sex"]).mean()
    assert result.value == pytest.approx(rates.min() / rates.max())
    assert result.interval[0] < result.value < result.interval[1]
    assert result.bound == 0.8
    assert len(result.details["pairs"]) == 3


def test_threshold_of_the_model_decides_who_is_selected() -> None:
    found = evidence(selected=(0.3, 0.6), threshold=0.95)
    record = check_gate(gate("disparate_impact"), found, verdict="inconclusive")
    assert "nobody is decided positive" in record.result.reason
    check_gate(gate("demographic_parity"), found, verdict="passed")


def test_one_group_alone_cannot_be_compared() -> None:
    found = evidence(selected=(0.5,))
    record = check_gate(gate("equalized_odds"), found, verdict="inconclusive")
    assert "fewer than two groups have 100 rows" in record.result.reason


def test_small_groups_that_are_ignored_are_still_told() -> None:
    found = evidence()
    found.holdout.loc[:9, "sex"] = "x"
    ignoring = gate("demographic_parity", below_min_rows="ignore").judge(found)
    assert ignoring.verdict == "passed"
    assert "sex=x (10 for the selection rate)" in ignoring.reason
    assert gate("demographic_parity").judge(found).verdict == "inconclusive"


def test_other_tasks_are_inconclusive() -> None:
    assert gate("equalized_odds").judge(evidence(task=Task.REGRESSION)).verdict == "inconclusive"


def test_names_and_bounds() -> None:
    declared = gate("disparate_impact")
    assert declared.check_name == "fairness_disparate_impact_sex"
    assert declared.divides_by == ("sex",)
    assert gate("demographic_parity", bound=0.2).limit == 0.2


@pytest.mark.parametrize(
    "wrong", [{"bound": 0}, {"bound": 1.5}, {"min_rows": 5}, {"measure": "luck"}]
)
def test_wrong_declaration_is_refused_at_load(wrong) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        gate(**{"measure": "disparate_impact", **wrong})
