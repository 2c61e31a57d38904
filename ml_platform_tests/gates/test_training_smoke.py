from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest

from ml_platform.exceptions import TrainingError
from ml_platform.features.spec import FeatureSpec
from ml_platform.gates.evidence import TrainingEvidence
from ml_platform.gates.gate import GATES
from ml_platform.task import Task
from ml_platform.testing.gates import check_gate
from ml_platform.training.fit import train
from ml_platform.training.target import encode_known
from ml_platform.training.trainers.trainer import TRAINERS


@dataclass
class Estimator:
    losses: tuple[float, ...] = ()


@dataclass
class Model:
    """Answers what it is told to."""

    task: Task
    classes: tuple
    answer: object
    estimator: Estimator = field(default_factory=Estimator)

    def scores(self, frame):
        return self.answer(frame)

    def encode_target(self, series):
        return encode_known(series, self.task, self.classes)


ROWS = 1000
FRAME = pd.DataFrame({"x": np.arange(ROWS, dtype=float)})
FRAME["late"] = np.where(np.arange(ROWS) % 100 == 0, "yes", "no")
FRAME["kind"] = np.array(list("abc"))[np.arange(ROWS) % 3]


def knows(frame):
    return np.where(frame["late"] == "yes", 0.9, 0.1)


def binary(answer=knows, losses=(), frame=FRAME):
    def fit(sample):
        return Model(Task.BINARY, ("no", "yes"), answer, Estimator(losses))

    return TrainingEvidence(frame=frame, target="late", task=Task.BINARY, fit=fit, seed=3)


GATE = GATES.parse({"type": "training_smoke"})


def test_model_that_learns_passes() -> None:
    record = check_gate(GATE, binary(), verdict="passed")
    assert record.result.rows == 100
    assert record.result.value < record.result.bound


def test_loss_by_round_is_believed_before_our_own() -> None:
    assert check_gate(GATE, binary(losses=(0.7, 0.5, 0.4)), verdict="passed").result.value == 0.4
    check_gate(GATE, binary(losses=(0.4, 0.5)), verdict="failed")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda f: np.full(len(f), 0.5), "did not fall"),
        (lambda f: np.full(len(f), np.nan), "100 scores of 100 rows are not finite"),
        (lambda f: np.full(len(f), 1.5), "from 1.5 to 1.5"),
        (lambda f: np.zeros((len(f), 2)), "shape"),
    ],
)
def test_model_that_does_not_learn_or_score_fails_and_says_why(answer, said) -> None:
    assert said in check_gate(GATE, binary(answer), verdict="failed").result.reason


def test_training_that_fails_fails_the_gate_with_its_text() -> None:
    def fit(sample):
        raise TrainingError("max_depth must be positive")

    evidence = TrainingEvidence(frame=FRAME, target="late", task=Task.BINARY, fit=fit)
    record = check_gate(GATE, evidence, verdict="failed")
    assert "max_depth must be positive" in record.result.reason


def test_too_little_to_learn_from_is_inconclusive() -> None:
    check_gate(GATE, binary(frame=FRAME.iloc[1:50]), verdict="inconclusive")
    check_gate(GATE, binary(frame=FRAME.iloc[:0]), verdict="inconclusive")


def test_sample_has_the_rare_class_and_keeps_the_order_of_rows() -> None:
    sample = GATE.sample(binary())
    assert len(sample) == 100
    assert (sample["late"] == "yes").sum() >= 5
    assert sample.index.is_monotonic_increasing
    few = GATES.parse({"type": "training_smoke", "rows": 2}).sample(binary())
    assert set(few["late"]) == {"no", "yes"}


def test_multiclass_and_regression_are_compared_with_one_constant_answer() -> None:
    def kinds(frame):
        return 0.1 + 0.7 * np.eye(3)[frame["kind"].map({"a": 0, "b": 1, "c": 2})]

    evidence = TrainingEvidence(
        frame=FRAME,
        target="kind",
        task=Task.MULTICLASS,
        fit=lambda _: Model(Task.MULTICLASS, ("a", "b", "c"), kinds),
    )
    assert check_gate(GATE, evidence, verdict="passed").result.value == pytest.approx(-np.log(0.8))
    evidence = TrainingEvidence(
        frame=FRAME,
        target="x",
        task=Task.REGRESSION,
        fit=lambda _: Model(Task.REGRESSION, (), lambda f: f["x"].to_numpy() + 1),
    )
    assert check_gate(GATE, evidence, verdict="passed").result.value == pytest.approx(1)


@pytest.mark.parametrize(
    "trainer",
    [
        {"type": "xgboost", "rounds": 20},
        {"type": "xgboost", "early_stopping": {"rounds": 5, "fraction": 0.2}},
        {"type": "sklearn", "estimator": "sklearn.linear_model.LogisticRegression"},
    ],
)
def test_real_trainers_pass_where_there_is_something_to_learn(trainer, tmp_path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=400), "city": rng.choice(["a", "b"], 400)})
    frame["late"] = np.where(frame["x"] + rng.normal(0, 0.5, 400) > 0.5, "yes", "no")

    def fit(sample):
        return train(
            sample,
            target="late",
            task=Task.BINARY,
            features=FeatureSpec(numeric=("x",), categorical=("city",)),
            trainer=TRAINERS.parse(trainer),
            folder=tmp_path,
            positive="yes",
        )

    evidence = TrainingEvidence(frame=frame, target="late", task=Task.BINARY, fit=fit)
    check_gate(GATE, evidence, verdict="passed")
