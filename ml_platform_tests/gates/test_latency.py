from dataclasses import replace

import numpy as np
import pytest
from pydantic_core import ValidationError

from ml_platform.evaluation.baseline import Costs
from ml_platform.evaluation.report import Evaluation
from ml_platform.exceptions import PredictionFailed
from ml_platform.gates.evidence import EvaluationEvidence, Runtime, Runtimes
from ml_platform.gates.gate import GATES
from ml_platform.gates.timing import Timing, order_interval
from ml_platform.task import Task
from ml_platform.testing.gates import check_gate

EVALUATION = Evaluation(task=Task.BINARY, rows=10, metrics={}, confidence=0.95, rounds=0, seed=0)
RECORDS = [{"x": float(i)} for i in range(8)]


class Clock:
    """Goes on by what the calls say that they take, and by nothing else."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


CLOCK = Clock()


@pytest.fixture(autouse=True)
def _no_real_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ml_platform.gates.timing.perf_counter", CLOCK)


def takes(seconds):
    def predict(records):
        CLOCK.now += seconds
        return [{"prediction": 1} for _ in records]

    return predict


def evidence(own, other=None, tmp_path=None, **fields):
    champion = None if other is None else Runtime(version=4, folder=tmp_path, predict=other)
    runtimes = Runtimes(
        candidate=Runtime(version=5, folder=tmp_path, predict=own),
        champion=champion,
        records=fields.pop("records", RECORDS),
        **fields,
    )
    return EvaluationEvidence(evaluation=EVALUATION, runtimes=lambda: runtimes)


def gate(**fields):
    return GATES.parse({"type": "latency", "seconds": 0.08, "batches": [1, 4], **fields})


def test_absolute_bound_is_on_the_first_batch_size() -> None:
    seen = evidence(takes(0.0005))
    result = check_gate(gate(p95_ms=500), seen, verdict="passed").result
    assert result.value == pytest.approx(0.5)
    check_gate(gate(p95_ms=0.1), seen, verdict="failed")


def timing(batch: int, seconds: list[float]) -> Timing:
    return Timing(batch, np.array(seconds), None)


HEAVY_TAIL = [0.001] * 970 + [0.05] * 30


@pytest.mark.parametrize(
    ("bounds", "verdict", "reason"),
    [
        ({"p95_ms": 2}, "passed", "p95 is 1 ms with batches of 1, within 2 ms"),
        ({"p95_ms": 2, "p99_ms": 10}, "failed", "p99 is 50 ms with batches of 1, above"),
        ({"mean_ms": 1.5}, "failed", "mean is 2.47 ms with batches of 1, above the bound 1.5 ms"),
        ({"mean_ms": 2.4}, "inconclusive", "mean is 2.47 ms with batches of 1: too near"),
        ({"p99_ms": {4: 10}}, "passed", "p99 is 4 ms with batches of 4, within 10 ms"),
        ({"p95_ms": {1: 2, 4: 3}}, "failed", "p95 is 4 ms with batches of 4, above the bound 3 ms"),
    ],
)
def test_each_figure_of_each_batch_size_has_a_bound_of_its_own(
    bounds, verdict, reason, monkeypatch: pytest.MonkeyPatch
) -> None:
    timed = [timing(1, HEAVY_TAIL), timing(4, [0.004] * 200)]
    monkeypatch.setattr("ml_platform.gates.latency.time_interleaved", lambda *_, **__: timed)
    result = check_gate(gate(**bounds), evidence(takes(0)), verdict=verdict).result
    assert result.reason.startswith(reason)
    assert ";" not in result.reason


def test_tail_three_times_as_long_passes_the_increase_and_not_its_own_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    champion = np.array([0.001] * 970 + [0.015] * 30)
    timed = [Timing(1, np.array(HEAVY_TAIL), champion)]
    monkeypatch.setattr("ml_platform.gates.latency.time_interleaved", lambda *_, **__: timed)
    both = evidence(takes(0), takes(0))
    check_gate(gate(max_increase=0.2), both, verdict="passed")
    check_gate(gate(max_increase=0.2, p99_ms=20), both, verdict="failed")


def test_equal_champion_passes_and_a_slower_candidate_fails() -> None:
    equal = evidence(takes(0.0005), takes(0.0005))
    result = check_gate(gate(max_increase=0.3), equal, verdict="passed").result
    assert "against version 4" in result.reason
    assert {row["batch"] for row in result.details["batches"]} == {1, 4}
    assert "champion_p99_ms" in result.details["batches"][0]
    slower = evidence(takes(0.001), takes(0.0005))
    reason = check_gate(gate(max_increase=0.3), slower, verdict="failed").result.reason
    assert "batches of 1 take +100.0% [+100.0%, +100.0%] against version 4, 30% is" in reason


def test_accepted_baseline_takes_the_place_of_the_champion() -> None:
    slower = evidence(takes(0.001), takes(0.0002))
    accepted = replace(slower, costs=Costs(p95_ms={1: 500.0, 4: 500.0}))
    result = check_gate(gate(max_increase=0.1), accepted, verdict="passed").result
    assert "against the accepted p95 of 500 ms" in result.reason
    assert "champion_p95_ms" not in result.details["batches"][0], "not measured"
    faster = replace(slower, costs=Costs(p95_ms={1: 0.01, 4: 500.0}))
    reason = check_gate(gate(max_increase=0.1), faster, verdict="failed").result.reason
    assert reason.startswith("batches of 1 take +")
    other = replace(slower, costs=Costs(p95_ms={1: 500.0}))
    result = check_gate(gate(max_increase=0.1), other, verdict="inconclusive").result
    assert "the accepted baseline has no p95 for batches of 4" in result.reason


def test_without_a_champion_the_increase_passes_as_first_release() -> None:
    result = check_gate(gate(max_increase=0.3), evidence(takes(0)), verdict="passed").result
    assert "first release" in result.reason


def test_what_cannot_be_measured_is_inconclusive() -> None:
    def broken(records):
        raise PredictionFailed("a score that is not finite")

    reason = check_gate(gate(p95_ms=1), evidence(broken), verdict="inconclusive").result.reason
    assert "not finite" in reason
    check_gate(gate(p95_ms=1), evidence(takes(0), records=[]), verdict="inconclusive")
    alone = evidence(takes(0), problem="the contract lacks `age`")
    check_gate(gate(max_increase=0.1), alone, verdict="inconclusive")
    bare = EvaluationEvidence(evaluation=EVALUATION)
    check_gate(gate(p95_ms=1), bare, verdict="inconclusive")


def test_disturbance_that_hits_both_alike_does_not_count() -> None:
    rng = np.random.default_rng(0)
    noise = 1 + rng.exponential(3, 400)
    timing = Timing(1, noise * rng.normal(1, 0.02, 400), noise * rng.normal(1, 0.02, 400))
    value, low, high = timing.increase(0.99)
    assert abs(value) < 0.01
    assert -0.02 < low < high < 0.02


def test_interval_of_a_quantile_covers_it_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    truth = -np.log(0.05)
    intervals = [
        order_interval(np.sort(rng.exponential(size=300)), 0.95, z=2.58) for _ in range(500)
    ]
    assert sum(low <= truth <= high for low, high in intervals) >= 490


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"p95_ms": 1, "batches": [0]},
        {"p95_ms": 0},
        {"p99_ms": {}},
        {"mean_ms": {1: 0}},
        {"p99_ms": {8: 5}},
    ],
)
def test_senseless_declarations_are_refused(fields) -> None:
    with pytest.raises(ValidationError):
        GATES.parse({"type": "latency", **fields})
