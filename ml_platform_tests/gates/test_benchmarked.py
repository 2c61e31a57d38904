"""Gates on a frozen benchmark, in place of the holdout."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from ml_platform.gates.evidence import BenchmarkRows, ChampionEvidence
from ml_platform.gates.slice_metric import SliceMetric
from ml_platform.gates.slice_no_regression import SliceNoRegression
from ml_platform_tests.gates.rows import evidence_of, groups, two_models


def benchmark(rows=2000, *, seed=1, drop=0.0, seen=0, champion=True):
    """Evidence whose holdout says nothing, and a benchmark named `storms`."""
    target, scores, others = two_models(rows, seed=seed, drop=drop)
    against = ChampionEvidence(version=3, scores=others, seen=np.zeros(rows, dtype=bool))
    frozen = BenchmarkRows(
        name="storms",
        snapshot="shop/benchmark_storms@1",
        content_hash="ab" * 32,
        frame=groups(rows, ["a", "b"]),
        target=target,
        scores=scores,
        seen=np.arange(rows) < seen,
        champion=against if champion else None,
    )
    empty = evidence_of(np.zeros(2, dtype=int), np.zeros(2))
    return replace(empty, benchmarks={"storms": frozen})


def test_whole_benchmark_is_one_slice_and_its_snapshot_stands_in_the_record() -> None:
    gate = SliceMetric(metric="roc_auc", benchmark="storms", floor=0.65)
    assert gate.check_name == "slice_metric_roc_auc_storms"
    result = gate.judge(benchmark())
    assert result.verdict == "passed"
    assert result.rows == 2000
    assert result.details["benchmark"] == {
        "name": "storms",
        "snapshot": "shop/benchmark_storms@1",
        "content_hash": "ab" * 32,
        "rows": 2000,
        "seen": 0,
    }
    assert "on shop/benchmark_storms@1" in result.reason


def test_benchmark_is_sliced_where_columns_are_given() -> None:
    gate = SliceMetric(metric="roc_auc", benchmark="storms", columns="group", floor=0.65)
    assert gate.check_name == "slice_metric_roc_auc_storms_group"
    parts = [row["part"] for row in gate.judge(benchmark()).details["slices"]]
    assert sorted(parts) == ["storms: group=a", "storms: group=b"]


def test_rows_that_the_candidate_was_trained_on_are_left_out_and_told() -> None:
    gate = SliceMetric(metric="roc_auc", benchmark="storms", floor=0.65)
    result = gate.judge(benchmark(seen=500))
    assert result.rows == 1500
    assert "500 of whose 2,000 rows the candidate was trained on" in result.reason
    every = gate.judge(benchmark(seen=2000))
    assert every.verdict == "inconclusive"
    assert "trained on all 2,000 rows" in every.reason


@pytest.mark.parametrize(("drop", "verdict"), [(0.0, "passed"), (0.12, "failed")])
def test_candidate_is_compared_with_the_champion_on_the_frozen_rows(drop, verdict) -> None:
    gate = SliceNoRegression(metric="roc_auc", benchmark="storms", tolerance=0.05)
    result = gate.judge(benchmark(drop=drop))
    assert result.verdict == verdict
    assert result.details["own"].keys() == {"storms"}


def test_first_release_passes_on_a_benchmark_and_tells_its_own_value() -> None:
    gate = SliceNoRegression(metric="roc_auc", benchmark="storms", tolerance=0.05)
    result = gate.judge(benchmark(champion=False))
    assert (result.verdict, result.details["own"].keys()) == ("passed", {"storms"})


def test_accepted_value_of_a_slice_stands_in_for_the_champions() -> None:
    gate = SliceNoRegression(metric="roc_auc", benchmark="storms", tolerance=0.02)
    evidence = benchmark(5000, drop=0.12)
    assert gate.judge(evidence).verdict == "failed"
    accepted = replace(evidence, accepted={"roc_auc": {"storms": 0.63}})
    result = gate.judge(accepted)
    assert result.verdict == "passed"
    assert "accepted baseline" in result.reason
    alone = replace(benchmark(champion=False), accepted={"roc_auc": {"other": 0.6}})
    assert gate.judge(alone).verdict == "inconclusive"


def test_benchmark_that_cannot_be_judged_is_inconclusive_with_its_reason() -> None:
    gate = SliceMetric(metric="roc_auc", benchmark="storms", floor=0.65)
    reason = "benchmark storms is not frozen: no row of the holdout satisfies x > 3"
    result = gate.judge(replace(benchmark(), benchmarks={"storms": reason}))
    assert (result.verdict, result.reason) == ("inconclusive", reason)


def test_neither_columns_nor_benchmark_is_refused() -> None:
    with pytest.raises(ValidationError, match="give columns to slice by, or a benchmark"):
        SliceMetric(metric="roc_auc", floor=0.65)
