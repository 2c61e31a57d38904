from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pydantic_core import ValidationError

from ml_platform.evaluation.baseline import Costs
from ml_platform.evaluation.report import Evaluation
from ml_platform.features.spec import FeatureSpec
from ml_platform.gates.costs import told_bytes
from ml_platform.gates.evidence import EvaluationEvidence, Runtime, Runtimes
from ml_platform.gates.gate import GATES
from ml_platform.gates.memory import Memory
from ml_platform.gates.model_size import ModelSize
from ml_platform.task import Task
from ml_platform.testing.gates import check_gate
from ml_platform.training.fit import train
from ml_platform.training.trainers.trainer import TRAINERS

EVALUATION = Evaluation(task=Task.BINARY, rows=10, metrics={}, confidence=0.95, rounds=0, seed=0)


def runtime(folder, version, size):
    folder.mkdir(parents=True)
    (folder / "weights").write_bytes(b"x" * size)
    return Runtime(version=version, folder=folder, predict=list)


def evidence(runtimes):
    return EvaluationEvidence(evaluation=EVALUATION, runtimes=lambda: runtimes)


def size(**fields):
    return GATES.parse({"type": "model_size", **fields})


def test_size_is_held_against_the_bound_and_the_champion(tmp_path) -> None:
    new, old = runtime(tmp_path / "new", 5, 1500), runtime(tmp_path / "old", 4, 1000)
    both = evidence(Runtimes(candidate=new, champion=old, records=[]))
    assert check_gate(size(max_bytes=1500), both, verdict="passed").result.value == 1500
    check_gate(size(max_bytes=1499), both, verdict="failed")
    check_gate(size(max_increase=0.5), both, verdict="passed")
    result = check_gate(size(max_increase=0.4), both, verdict="failed").result
    assert result.bound == 1400
    assert "+50.0% against version 4" in result.reason


@pytest.mark.parametrize(
    ("kind", "costs"),
    [("model_size", Costs(model_bytes=1400)), ("memory", Costs(resident_bytes=1400))],
)
def test_accepted_baseline_takes_the_place_of_the_champion(tmp_path, monkeypatch, kind, costs):
    new, old = runtime(tmp_path / "new", 5, 1500), runtime(tmp_path / "old", 4, 1000)
    monkeypatch.setattr(Memory, "measure", ModelSize.measure)
    both = evidence(Runtimes(candidate=new, champion=old, records=[]))
    gate = GATES.parse({"type": kind, "max_increase": 0.1})
    check_gate(gate, both, verdict="failed")
    result = check_gate(gate, replace(both, costs=costs), verdict="passed").result
    assert result.bound == pytest.approx(1540)
    assert "+7.1% against the accepted baseline" in result.reason
    assert result.details["accepted"] == 1400
    stricter = GATES.parse({"type": kind, "max_increase": 0.05})
    check_gate(stricter, replace(both, costs=costs), verdict="failed")
    alone = evidence(Runtimes(candidate=new, records=[], problem="it is gone"))
    check_gate(gate, replace(alone, costs=costs), verdict="passed")


def test_first_release_passes_the_increase_but_not_the_bound(tmp_path) -> None:
    alone = evidence(Runtimes(candidate=runtime(tmp_path / "new", 1, 1500), records=[]))
    reason = check_gate(size(max_increase=0.1), alone, verdict="passed").result.reason
    assert "first release" in reason
    check_gate(size(max_increase=0.1, max_bytes=1000), alone, verdict="failed")


def test_champion_that_cannot_be_loaded_is_inconclusive(tmp_path) -> None:
    runtimes = Runtimes(
        candidate=runtime(tmp_path / "new", 5, 10), records=[], problem="its model was changed"
    )
    result = check_gate(size(max_increase=0.1), evidence(runtimes), verdict="inconclusive").result
    assert "its model was changed" in result.reason
    check_gate(size(max_bytes=10), evidence(runtimes), verdict="passed")
    check_gate(
        size(max_bytes=10), EvaluationEvidence(evaluation=EVALUATION), verdict="inconclusive"
    )


def test_gate_without_a_bound_is_refused() -> None:
    for kind in ("model_size", "memory"):
        with pytest.raises(ValidationError, match="declare max_bytes, max_increase, or both"):
            GATES.parse({"type": kind})


def test_bytes_are_told_as_people_say_them() -> None:
    assert [told_bytes(n) for n in (7, 1500, 2_500_000, 3e9)] == [
        "7 bytes",
        "1.5 kB",
        "2.5 MB",
        "3 GB",
    ]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=50)}).assign(late=[True, False] * 25)
    model = train(
        frame,
        target="late",
        task=Task.BINARY,
        features=FeatureSpec(numeric=("x",)),
        trainer=TRAINERS.parse({"type": "xgboost", "rounds": 2}),
        folder=None,
    )
    folder = tmp_path_factory.mktemp("saved") / "model"
    model.save(folder, folder_of_declaration=folder)
    return folder


@pytest.mark.slow
def test_memory_is_that_of_a_fresh_process_with_the_model(saved) -> None:
    one = Runtime(version=2, folder=saved, predict=list)
    both = evidence(Runtimes(candidate=one, champion=one, records=[]))
    gate = GATES.parse({"type": "memory", "max_increase": 0.3, "max_bytes": 2_000_000_000})
    result = check_gate(gate, both, verdict="passed").result
    assert 30e6 < result.value < 2e9
    assert result.details["champion"] == pytest.approx(result.value, rel=0.1)
    check_gate(GATES.parse({"type": "memory", "max_bytes": 1_000_000}), both, verdict="failed")


@pytest.mark.slow
def test_model_that_cannot_be_loaded_has_no_memory(tmp_path) -> None:
    broken = evidence(Runtimes(candidate=runtime(tmp_path / "new", 1, 5), records=[]))
    gate = GATES.parse({"type": "memory", "max_bytes": 1})
    reason = check_gate(gate, broken, verdict="inconclusive").result.reason
    assert "it has no model.json" in reason
