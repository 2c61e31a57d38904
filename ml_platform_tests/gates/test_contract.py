"""Every gate there is keeps the contract: on evidence that it can judge, and on none."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_platform.evaluation.report import Evaluation
from ml_platform.exceptions import TrainingError
from ml_platform.gates.evidence import (
    ChampionEvidence,
    DataEvidence,
    EvaluationEvidence,
    Runtimes,
    ServiceEvidence,
    TrainingEvidence,
)
from ml_platform.gates.gate import GATES, Stage
from ml_platform.gates.result import GateResult, Verdict
from ml_platform.task import Task
from ml_platform.testing.gates import check_gate
from ml_platform_tests.gates import (
    test_bounds,
    test_costs,
    test_drifts,
    test_fairness,
    test_latency,
    test_leakage,
    test_load_test,
    test_reproducibility,
    test_service_smoke,
    test_slice_metric,
    test_slice_no_regression,
    test_training_smoke,
)
from ml_platform_tests.gates.rows import evidence_of, two_models

SLICES = {"metric": "roc_auc", "columns": ["group"]}
DECLARED: dict[str, dict[str, Any]] = {
    "contract_drift": {},
    "custom": {"function": f"{__name__}:agrees"},
    "fairness": {"attribute": "sex", "measure": "disparate_impact"},
    "label_drift": {},
    "latency": {"p95_ms": 500, "seconds": 0.05},
    "leakage": {},
    "load_test": {"p95_ms": 500},
    "maximum_metric": {"metric": "log_loss", "ceiling": 0.8},
    "memory": {"max_bytes": 10**9},
    "minimum_metric": {"metric": "roc_auc", "floor": 0.6},
    "model_size": {"max_bytes": 10**9},
    "no_regression": {"metric": "roc_auc", "tolerance": 0.02},
    "reproducibility": {"rows": 300},
    "service_smoke": {},
    "slice_metric": {**SLICES, "floor": 0.6},
    "slice_no_regression": {**SLICES, "tolerance": 0.1},
    "training_smoke": {},
}


def agrees(evidence: EvaluationEvidence) -> GateResult:
    """A function of a team's own."""
    return GateResult(verdict="passed", reason=f"{evidence.evaluation.rows} rows are enough")


def metric(_: Path) -> EvaluationEvidence:
    return test_bounds.evidence(roc_auc=test_bounds.AUC, log_loss={"value": 0.4})


def same_rows(_: Path) -> DataEvidence:
    return test_drifts.evidence(test_drifts.rows(1), last=test_drifts.rows(0))


def saved(folder: Path) -> EvaluationEvidence:
    model = test_costs.runtime(folder / "model", 5, 1500)
    return test_costs.evidence(Runtimes(candidate=model, records=[]))


JUDGED: dict[str, tuple[Callable[[Path], Any], Verdict]] = {
    "contract_drift": (same_rows, "passed"),
    "custom": (metric, "passed"),
    "fairness": (lambda _: test_fairness.evidence(), "passed"),
    "label_drift": (same_rows, "passed"),
    "latency": (lambda _: test_latency.evidence(test_latency.takes(0)), "passed"),
    "leakage": (lambda _: test_leakage.both(), "passed"),
    "load_test": (lambda _: test_load_test.evidence("http://127.0.0.1:9"), "failed"),
    "maximum_metric": (metric, "passed"),
    "memory": (saved, "inconclusive"),
    "minimum_metric": (metric, "passed"),
    "model_size": (saved, "passed"),
    "no_regression": (lambda _: evidence_of(*two_models(5_000, seed=0)), "passed"),
    "reproducibility": (
        lambda _: test_reproducibility.evidence(test_reproducibility.fit_with(iter([1] * 4))),
        "passed",
    ),
    "service_smoke": (
        lambda _: test_service_smoke.evidence(test_service_smoke.Service()),
        "passed",
    ),
    "slice_metric": (lambda _: test_slice_metric.evidence(), "passed"),
    "slice_no_regression": (lambda _: test_slice_no_regression.evidence(rows=6_000), "passed"),
    "training_smoke": (lambda _: test_training_smoke.binary(), "passed"),
}


@pytest.mark.parametrize("name", GATES.names())
def test_every_gate_keeps_the_contract(name: str, tmp_path: Path) -> None:
    evidence, verdict = JUDGED[name]
    check_gate(GATES.parse({"type": name, **DECLARED[name]}), evidence(tmp_path), verdict=verdict)


def fails(_: object) -> Any:
    raise TrainingError("there are no rows to learn from")


NO_ROWS = test_leakage.rows(0)
NOTHING: dict[Stage, Any] = {
    Stage.VALIDATED_DATA: test_drifts.evidence(test_drifts.rows(n=0), last=test_drifts.rows()),
    Stage.TRAINED_MODEL: TrainingEvidence(
        frame=NO_ROWS, holdout=NO_ROWS, target="late", task=Task.BINARY, fit=fails
    ),
    Stage.EVALUATION_REPORT: EvaluationEvidence(
        evaluation=Evaluation(
            task=Task.BINARY, rows=0, metrics={}, confidence=0.95, rounds=0, seed=0
        ),
        champion=ChampionEvidence(version=3, problem="its model cannot be loaded"),
    ),
    Stage.DEPLOYED_BENTO: ServiceEvidence(
        service=test_service_smoke.Service(),
        records=[],
        scores=np.zeros(0),
        task=Task.BINARY,
        version="7",
    ),
}


@pytest.mark.parametrize("name", sorted(set(GATES.names()) - {"custom"}))
def test_gate_without_anything_to_judge_cannot_tell_and_says_why(name: str) -> None:
    gate = GATES.parse({"type": name, **DECLARED[name]})
    record = check_gate(gate, NOTHING[gate.stage], verdict="inconclusive")
    assert record.blocks == (name != "training_smoke")
    lenient = gate.model_copy(update={"on_inconclusive": "warn"})
    assert not lenient.record(record.result).blocks
