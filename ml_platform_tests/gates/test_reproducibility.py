import numpy as np
import pandas as pd

from ml_platform.exceptions import TrainingError
from ml_platform.features.spec import FeatureSpec
from ml_platform.gates.evidence import TrainingEvidence
from ml_platform.gates.gate import GATES
from ml_platform.task import Task
from ml_platform.testing.gates import check_gate
from ml_platform.training.fit import train
from ml_platform.training.trainers.trainer import TRAINERS

GATE = GATES.parse({"type": "reproducibility", "rows": 300})


def frame(rows=1000):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=rows), "city": rng.choice(["a", "b"], rows)})
    return frame.assign(late=frame["x"] + rng.normal(0, 0.5, rows) > 0.5)


def evidence(fit, rows=1000):
    return TrainingEvidence(frame=frame(rows), target="late", task=Task.BINARY, fit=fit)


def fit_with(seeds):
    def fit(sample):
        trainer = {"type": "xgboost", "rounds": 5, "params": {"subsample": 0.5}}
        return train(
            sample,
            target="late",
            task=Task.BINARY,
            features=FeatureSpec(numeric=("x",), categorical=("city",)),
            trainer=TRAINERS.parse({**trainer, "seed": next(seeds)}),
            folder=None,
        )

    return fit


def test_declared_training_gives_the_same_bits_twice() -> None:
    record = check_gate(GATE, evidence(fit_with(iter([1] * 9))), verdict="passed")
    assert record.result.rows == 300
    assert "all 3 files are equal" in record.result.reason


def test_training_by_chance_fails_and_names_the_files() -> None:
    record = check_gate(GATE, evidence(fit_with(iter([1, 2, 1, 2]))), verdict="failed")
    assert "estimator/model.ubj" in record.result.reason


def test_training_that_fails_or_nothing_to_learn_is_inconclusive() -> None:
    def fit(sample):
        raise TrainingError("no such objective")

    reason = check_gate(GATE, evidence(fit), verdict="inconclusive").result.reason
    assert "no such objective" in reason
    check_gate(GATE, evidence(fit, rows=0), verdict="inconclusive")
