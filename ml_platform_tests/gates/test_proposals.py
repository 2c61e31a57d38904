import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pytest

from ml_platform.evaluation.spec import metric_of_key
from ml_platform.gates.calibration import BatchTiming, Evidence, Fit, Key, judges_of
from ml_platform.gates.gate import GATES
from ml_platform.gates.proposals import propose
from ml_platform.task import Task

ROWS = 400
RNG = np.random.default_rng(0)
TARGET = (np.arange(ROWS) % 2).astype(np.int64)
FRAME = pd.DataFrame({"side": np.where(np.arange(ROWS) < 250, "left", "right")})
SAME = "all fits came out the same, so there is no noise to go by"
T_2 = 4.302653
"""Student's t at 97.5 % with 2 degrees of freedom."""


def gate(**declared):
    return GATES.parse(declared)


def evidence(
    gates,
    values: Sequence[Mapping[Key, float]],
    *,
    whole: Sequence[float] = (),
    scores=None,
    **further,
) -> Evidence:
    judges = judges_of(
        gates,
        task=Task.BINARY,
        target=TARGET,
        metrics=[metric_of_key("roc_auc"), metric_of_key("log_loss")],
        holdout=FRAME,
    )
    kinds = ["resampled"] * len(values) + ["whole"] * len(whole)
    fits = [Fit(kind=kind, seed=0, seconds=0, metrics={}) for kind in kinds]
    every = [*values, *({("roc_auc", ""): value} for value in whole)]
    same = np.clip(TARGET + RNG.normal(0, 0.7, ROWS), 0, 1)
    return Evidence(judges, fits, every, scores or [same, same, same], **further)


def aucs(*values: float) -> list[dict[Key, float]]:
    return [{("roc_auc", ""): value} for value in values]


def test_the_tolerance_is_the_reach_of_retraining_and_the_margin():
    gates = [gate(type="no_regression", metric="roc_auc", tolerance=0.001)]
    [proposal], left_out = propose(gates, evidence(gates, aucs(0.80, 0.81, 0.82)), margin=0.5)
    reach = T_2 * 0.01 * math.sqrt(2)  # 0.0608; the fits score alike, so the rows add nothing
    assert proposal.noise == pytest.approx(reach, rel=1e-6)
    assert proposal.proposed == "0.092"
    assert proposal.direction == "looser"
    assert not left_out


def test_rows_that_cannot_tell_widen_the_tolerance():
    gates = [gate(type="no_regression", metric="roc_auc", tolerance=0.5)]
    scores = [np.clip(TARGET + RNG.normal(0, 0.7, ROWS), 0, 1) for _ in range(3)]
    found = evidence(gates, aucs(0.80, 0.8001, 0.8002), scores=scores)
    [proposal], _ = propose(gates, found, margin=0)
    half = found.paired_half("roc_auc", gates[0].measuring(0))
    assert isinstance(half, float)
    assert proposal.noise == pytest.approx((T_2 * 0.0001 * math.sqrt(2) + half) / 2)
    assert proposal.direction == "stricter"


def test_a_floor_lies_below_the_mean_of_the_fits_on_all_rows():
    gates = [gate(type="minimum_metric", metric="roc_auc", floor=0.1)]
    found = evidence(gates, aucs(0.70, 0.71, 0.72), whole=[0.80, 0.82])
    [proposal], _ = propose(gates, found, margin=0.5)
    assert proposal.centre == pytest.approx(0.81)
    assert proposal.noise > T_2 * 0.01 * math.sqrt(2)
    assert float(proposal.proposed) == pytest.approx(0.81 - 1.5 * proposal.noise, abs=0.001)
    assert float(proposal.proposed) <= 0.81 - 1.5 * proposal.noise
    assert proposal.direction == "stricter"


def test_a_bound_on_the_interval_lies_further_out_and_a_ceiling_above():
    values = [{("log_loss", ""): value} for value in (0.50, 0.51, 0.52)]
    near = gate(type="maximum_metric", metric="log_loss", ceiling=0.9)
    far = gate(type="maximum_metric", metric="log_loss", ceiling=0.9, on="upper_bound")
    [one, other], _ = propose([near, far], evidence([near, far], values), margin=0.5)
    assert one.centre == pytest.approx(0.51)
    assert float(one.proposed) >= 0.51 + 1.5 * one.noise
    assert float(other.proposed) > float(one.proposed)


def test_the_widest_slice_decides_and_several_need_more_confidence():
    declared = {"type": "slice_no_regression", "metric": "roc_auc", "tolerance": 0.01}
    gates = [gate(**declared, columns=["side"], min_rows=100)]
    values = [
        {("roc_auc", "side=left"): 0.8 + step / 1000, ("roc_auc", "side=right"): 0.8 + step / 100}
        for step in range(3)
    ]
    [proposal], _ = propose(gates, evidence(gates, values), margin=0.5)
    t = 6.205347  # at 98.75 %, 2 degrees of freedom
    assert proposal.noise == pytest.approx(t * 0.01 * math.sqrt(2), rel=1e-6)
    assert "side=right" in proposal.basis


def test_slices_of_too_few_rows_are_not_calibrated():
    declared = {"type": "slice_no_regression", "metric": "roc_auc", "tolerance": 0.01}
    gates = [gate(**declared, columns=["side"], min_rows=300)]
    _, [left] = propose(gates, evidence(gates, aucs(0.8, 0.81, 0.82)), margin=0.5)
    assert "no slice of the holdout" in left.reason


def test_latency_is_held_against_the_spread_of_equal_models():
    gates = [gate(type="latency", p95_ms=50, max_increase=0.5, batches=[1])]
    ratios = [None, 1.1, 1 / 1.1, 1.1]
    timings = {1: [BatchTiming(batch=1, p50_ms=1, p95_ms=2, ratio=r) for r in ratios]}
    found = evidence(gates, aucs(0.8, 0.81, 0.82), timings=timings)
    [increase], [p95] = propose(gates, found, margin=0.5)
    assert increase.noise == pytest.approx(math.expm1(T_2 * math.log(1.1)), rel=1e-6)
    assert (p95.check, p95.reason) == ("latency", f"p95_ms: {SAME}")


def test_what_cannot_be_calibrated_is_named_with_its_reason():
    gates = [
        gate(type="model_size", max_bytes=10),
        gate(type="no_regression", metric="roc_auc", tolerance=0.01),
        gate(type="minimum_metric", metric="roc_auc", floor=0.1),
    ]
    nan = float("nan")
    _, left_out = propose(gates, evidence(gates, aucs(0.8, 0.81, nan)), margin=0.5)
    assert [each.check for each in left_out] == [
        "model_size", "no_regression_roc_auc", "minimum_metric_roc_auc",
    ]  # fmt: skip
    assert "model_size" in left_out[0].reason
    assert "2 resampled fits only" in left_out[1].reason


def test_fits_without_any_spread_propose_nothing():
    gates = [gate(type="no_regression", metric="roc_auc", tolerance=0.01)]
    proposals, [left] = propose(gates, evidence(gates, aucs(0.8, 0.8, 0.8)), margin=0.5)
    assert not proposals
    assert SAME in left.reason
