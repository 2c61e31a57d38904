import numpy as np
import pandas as pd
import pytest

from ml_platform.exceptions import FeatureError
from ml_platform.gates.evidence import TrainingEvidence
from ml_platform.gates.gate import GATES
from ml_platform.task import Task
from ml_platform.testing.gates import check_gate

GATE = GATES.parse({"type": "leakage"})


def rows(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"key": np.arange(n) + seed * n, "x": rng.normal(size=n)})
    frame["kind"] = rng.choice(list("abc"), n)
    frame["late"] = np.where(frame["x"] + rng.normal(size=n) > 0.5, "yes", "no")
    return frame


def evidence(train, holdout, target="late", task=Task.BINARY, features=None):
    return TrainingEvidence(
        frame=train,
        holdout=holdout,
        target=target,
        task=task,
        fit=lambda frame: None,
        features=features or (lambda frame: frame.drop(columns=["key", target])),
        id="key",
    )


def both(change=lambda frame: frame):
    return evidence(change(rows(seed=0)), change(rows(seed=1)))


def test_honest_features_pass_and_the_best_is_named() -> None:
    result = check_gate(GATE, both(), verdict="passed").result
    assert "x reaches AUC 0.8" in result.reason
    assert result.interval[0] < result.value < result.interval[1]


@pytest.mark.parametrize(
    "leak",
    [
        lambda f: (f["late"] == "yes") * 1.0 + np.random.default_rng(5).normal(0, 0.1, len(f)),
        lambda f: -(f["late"] == "yes").astype(int),
        lambda f: np.where(f["late"] == "yes", "paid", "open"),
        lambda f: np.where(f["late"] == "yes", np.nan, f["x"]),
        lambda f: np.where(f["late"] == "yes", 0.0, np.sign(f["x"]) * 5),
        lambda f: f["late"] == "yes",
    ],
    ids=["number", "falling", "category", "null pattern", "not monotone", "bool"],
)
def test_feature_that_tells_the_target_is_caught_and_named(leak) -> None:
    result = check_gate(GATE, both(lambda f: f.assign(leaked=leak(f))), verdict="failed").result
    assert "leaked reaches AUC" in result.reason


def test_category_of_its_own_for_each_row_is_no_leak() -> None:
    check_gate(GATE, both(lambda f: f.assign(name=f["key"].astype(str))), verdict="passed")


def test_training_rows_in_the_holdout_fail_whatever_their_id() -> None:
    train, holdout = rows(seed=0), rows(seed=1)
    copied = train.head(100).assign(key=range(-100, 0))
    mixed = pd.concat([holdout, copied], ignore_index=True)
    result = check_gate(GATE, evidence(train, mixed), verdict="failed").result
    assert result.told == (
        "100 of 2,100 holdout rows are training rows too (measured 0.04762, bound 0.01)"
    )
    lenient = GATES.parse({"type": "leakage", "max_duplicates": 0.1})
    check_gate(lenient, evidence(train, mixed), verdict="passed")


def test_multiclass_and_regression_have_a_single_feature_auc_too() -> None:
    def kinds(frame):
        codes = frame["kind"].map({"a": 0, "b": 1, "c": 2})
        return frame.assign(leaked=codes.map({0: 5, 1: -3, 2: 9}))

    train, holdout = kinds(rows(seed=0)), kinds(rows(seed=1))
    seen = evidence(train, holdout, target="kind", task=Task.MULTICLASS)
    assert "leaked" in check_gate(GATE, seen, verdict="failed").result.reason
    train, holdout = (f.assign(leaked=f["x"] * 2 + 1) for f in (rows(seed=0), rows(seed=1)))
    seen = evidence(train, holdout, target="x", task=Task.REGRESSION)
    assert "leaked" in check_gate(GATE, seen, verdict="failed").result.reason


def test_too_few_of_a_class_no_holdout_or_broken_features_are_inconclusive() -> None:
    train, holdout = rows(seed=0), rows(seed=1)
    one_class = holdout[holdout["late"] == "no"]
    few = pd.concat([one_class, holdout[holdout["late"] == "yes"].head(19)])
    for held in (one_class, few):
        reason = check_gate(GATE, evidence(train, held), verdict="inconclusive").result.reason
        assert "fewer than 20 holdout rows of each class" in reason
    check_gate(GATE, evidence(train, holdout.iloc[:0]), verdict="inconclusive")
    check_gate(GATE, evidence(train, None), verdict="inconclusive")

    def broken(frame):
        raise FeatureError("no column 'y'")

    reason = check_gate(
        GATE, evidence(train, holdout, features=broken), verdict="inconclusive"
    ).result.reason
    assert "no column 'y'" in reason
