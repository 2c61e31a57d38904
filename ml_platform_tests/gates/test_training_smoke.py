from dataclasses import dataclass, field, replace

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

    return TrainingEvidence(
        frame=frame, target="late", task=Task.BINARY, fit=fit, seed=3, features=feature
    )


def feature(frame):
    return frame[["x"]]


GATE = GATES.parse({"type": "training_smoke"})


def test_model_that_learns_passes() -> None:
    record = check_gate(GATE, binary(), verdict="passed")
    assert record.result.rows == 100
    assert record.result.value > record.result.bound == 3


def test_loss_that_does_not_fall_by_round_fails() -> None:
    check_gate(GATE, binary(losses=(0.7, 0.5, 0.4)), verdict="passed")
    reason = check_gate(GATE, binary(losses=(0.4, 0.5)), verdict="failed").result.reason
    assert "the loss did not fall from round to round, 0.4 to 0.5" in reason


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda f: np.full(len(f), 0.5), "every row got the same score"),
        (lambda f: 1 - knows(f), "the scores follow it -"),
        (lambda f: np.random.default_rng(0).random(len(f)), "the scores follow it"),
        (lambda f: f["x"].to_numpy() / ROWS, "the scores follow it"),
        (lambda f: np.full(len(f), np.nan), "100 scores of 100 rows are not finite"),
        (lambda f: np.full(len(f), 1.5), "from 1.5 to 1.5"),
        (lambda f: np.zeros((len(f), 2)), "shape"),
    ],
)
def test_model_that_does_not_learn_or_score_fails_and_says_why(answer, said) -> None:
    assert said in check_gate(GATE, binary(answer), verdict="failed").result.reason


def test_features_that_never_vary_fail() -> None:
    evidence = binary(lambda f: f["x"].to_numpy() / 2, frame=FRAME.assign(x=1.0))
    assert "no feature varies" in check_gate(GATE, evidence, verdict="failed").result.reason


def test_training_that_fails_fails_the_gate_with_its_text() -> None:
    def fit(sample):
        raise TrainingError("max_depth must be positive")

    evidence = TrainingEvidence(frame=FRAME, target="late", task=Task.BINARY, fit=fit)
    record = check_gate(GATE, evidence, verdict="failed")
    assert "max_depth must be positive" in record.result.reason


def test_rows_of_one_class_alone_fail() -> None:
    record = check_gate(GATE, binary(frame=FRAME.iloc[1:50]), verdict="failed")
    assert "49 rows with one target value" in record.result.reason
    assert record.blocks


def test_too_little_to_learn_from_is_inconclusive_and_only_warns() -> None:
    few = GATES.parse({"type": "training_smoke", "rows": 8})
    ignorant = binary(lambda f: f["x"].to_numpy() % 7 / 7)
    for gate, evidence in [
        (GATE, binary(frame=FRAME.iloc[:0])),
        (GATE, replace(binary(), features=None)),
        (few, ignorant),
        (GATE, replace(ignorant, features=lambda f: f[["x"]].rank(pct=True) > 0.6)),
    ]:
        assert not check_gate(gate, evidence, verdict="inconclusive").blocks


def test_sample_has_the_rare_class_and_keeps_the_order_of_rows() -> None:
    sample = GATE.sample(binary())
    assert len(sample) == 100
    assert (sample["late"] == "yes").sum() >= 5
    assert sample.index.is_monotonic_increasing
    few = GATES.parse({"type": "training_smoke", "rows": 2}).sample(binary())
    assert set(few["late"]) == {"no", "yes"}


def test_multiclass_and_regression_pass_where_the_order_of_the_scores_is_right() -> None:
    def kinds(frame):
        return 0.1 + 0.7 * np.eye(3)[frame["kind"].map({"a": 0, "b": 1, "c": 2})]

    evidence = TrainingEvidence(
        frame=FRAME,
        target="kind",
        task=Task.MULTICLASS,
        fit=lambda _: Model(Task.MULTICLASS, ("a", "b", "c"), kinds),
        features=feature,
    )
    check_gate(GATE, evidence, verdict="passed")
    evidence = TrainingEvidence(
        frame=FRAME.assign(y=-FRAME["x"]),
        target="y",
        task=Task.REGRESSION,
        fit=lambda _: Model(Task.REGRESSION, (), lambda f: f["y"].to_numpy() * 1e6),
        features=feature,
    )
    assert check_gate(GATE, evidence, verdict="passed").result.value == pytest.approx(99**0.5)


@pytest.mark.parametrize(
    "trainer",
    [
        {"type": "xgboost", "rounds": 20},
        {"type": "xgboost", "rounds": 20, "params": {"gamma": 5}},
        {"type": "xgboost", "early_stopping": {"rounds": 5, "fraction": 0.2}},
        {"type": "sklearn", "estimator": "sklearn.linear_model.LogisticRegression"},
        {"type": "sklearn", "estimator": "sklearn.linear_model.SGDClassifier",
         "params": {"loss": "log_loss"}},
        {"type": "sklearn", "estimator": "sklearn.calibration.CalibratedClassifierCV"},
        {"type": "sklearn", "estimator": "sklearn.ensemble.HistGradientBoostingClassifier",
         "params": {"max_iter": 9, "monotonic_cst": [1, 0, 0]}},
    ],
)  # fmt: skip
@pytest.mark.parametrize("signal", [0.0, 1.0])
def test_real_trainers_pass_however_little_the_rows_tell(trainer, signal, tmp_path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=400), "city": rng.choice(["a", "b"], 400)})
    frame["late"] = np.where(signal * frame["x"] + rng.normal(0, 0.5, 400) > 0.5, "yes", "no")

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

    evidence = TrainingEvidence(
        frame=frame, target="late", task=Task.BINARY, fit=fit, features=lambda f: f[["x", "city"]]
    )
    check_gate(GATE, evidence, verdict="passed")
