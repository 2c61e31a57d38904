"""Table of verdicts for `training_smoke`: trainers on rows of known signal, and broken ones."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from harness.lines import HEAD, Table, line_of

from ml_platform.features.spec import FeatureSpec
from ml_platform.gates.evidence import FittedModel, TrainingEvidence
from ml_platform.gates.result import GateResult
from ml_platform.gates.training_smoke import TrainingSmoke
from ml_platform.task import Task
from ml_platform.training.fit import train
from ml_platform.training.model import Model
from ml_platform.training.trainers.trainer import TRAINERS, Estimator

FEATURES = [f"f{k}" for k in range(5)]
FEW = 400
"""Rows of which the gate draws its 100."""


def _sklearn(path: str, **params: Any) -> dict[str, Any]:
    return {"type": "sklearn", "estimator": f"sklearn.{path}", "params": params}


CLASSIFIERS = {
    "`LogisticRegression`": _sklearn("linear_model.LogisticRegression"),
    "`SGDClassifier`": _sklearn("linear_model.SGDClassifier", loss="log_loss"),
    "`RandomForestClassifier`": _sklearn("ensemble.RandomForestClassifier", n_estimators=30),
    "`GradientBoostingClassifier`": _sklearn("ensemble.GradientBoostingClassifier"),
    "`SVC`, `probability`": _sklearn("svm.SVC", probability=True),
    "`CalibratedClassifierCV`": _sklearn("calibration.CalibratedClassifierCV"),
    "`GaussianNB`": _sklearn("naive_bayes.GaussianNB"),
    "`KNeighborsClassifier`": _sklearn("neighbors.KNeighborsClassifier"),
    "XGBoost": {"type": "xgboost", "rounds": 50},
}
REGRESSORS = {
    "`Ridge`": _sklearn("linear_model.Ridge"),
    "`SGDRegressor`": _sklearn("linear_model.SGDRegressor"),
    "`RandomForestRegressor`": _sklearn("ensemble.RandomForestRegressor", n_estimators=30),
    "XGBoost": CLASSIFIERS["XGBoost"],
}


@dataclass(frozen=True)
class _Altered(Estimator):
    """An estimator whose scores something is done to."""

    estimator: Estimator
    scored: Callable[[np.ndarray], np.ndarray]

    def scores(self, matrix: np.ndarray) -> np.ndarray:
        return self.scored(self.estimator.scores(matrix))

    def save(self, folder: Path) -> None:
        self.estimator.save(folder)


FAULTS = ("never sees the labels", "constant features", "a constant answer", "the wrong way round")


def training_smoke(seconds: float) -> Iterator[list[str]]:
    """Trainers that work, on 100 rows with one informative feature of five; broken ones."""
    for name, declared in CLASSIFIERS.items():
        for base in (0.5, 0.1):
            for shift in (0.0, 0.5, 1.0):
                yield _line(name, declared, f"{base:.0%}", _apart(shift), seconds,
                            base=base, shift=shift)  # fmt: skip
    for name, declared in REGRESSORS.items():
        for shift in (0.0, 0.5):
            yield _line(name, declared, "a number", _apart(shift), seconds, shift=shift)
    for name in ("`LogisticRegression`", "`RandomForestClassifier`", "XGBoost"):
        for fault in FAULTS:
            yield _line(name, CLASSIFIERS[name], "50%", fault, seconds, base=0.5, fault=fault)
    for fault in FAULTS:
        yield _line("`Ridge`", REGRESSORS["`Ridge`"], "a number", fault, seconds, fault=fault)


def _apart(shift: float) -> str:
    return f"works; signal {shift:g}" if shift else "works; no signal at all"


def _line(
    name: str, declared: dict[str, Any], balance: str, told: str, seconds: float, **truth: Any
) -> list[str]:
    def judge(seed: int) -> GateResult:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is deprecated, and of what did not converge
            return TrainingSmoke().judge(_evidence(declared, seed, **truth))

    return line_of(judge, [name, balance, told], seconds=seconds)


def _evidence(
    declared: dict[str, Any], seed: int, *, base: float = 0.0, shift: float = 1.0, fault: str = ""
) -> TrainingEvidence:
    """Rows whose first feature lies that many standard deviations apart; base 0: a number."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(FEW, len(FEATURES))), columns=FEATURES)
    if base:
        frame["y"] = (rng.random(FEW) < base).astype(np.int64)
        frame["f0"] += shift * frame["y"]
    else:
        frame["y"] = shift * frame["f0"] + rng.normal(size=FEW)
    if fault == "constant features":
        frame[FEATURES] = 1.0
    task = Task.BINARY if base else Task.REGRESSION
    return TrainingEvidence(
        frame=frame,
        target="y",
        task=task,
        fit=lambda sample: _fit(sample, task, declared, fault, rng),
        seed=seed,
        features=lambda part: part[FEATURES],
    )


def _fit(
    sample: pd.DataFrame, task: Task, declared: dict[str, Any], fault: str, rng: Any
) -> FittedModel:
    if fault == "never sees the labels":
        sample = sample.assign(y=rng.permutation(sample["y"].to_numpy()))
    model: Model = train(
        sample,
        target="y",
        task=task,
        features=FeatureSpec(numeric=tuple(FEATURES)),
        trainer=TRAINERS.parse(declared),
        folder=Path(),
    )
    done = {"a constant answer": lambda s: np.full_like(s, 0.5), "the wrong way round": _around}
    if fault not in done:
        return model
    return replace(model, estimator=_Altered(model.estimator, done[fault]))


def _around(scores: np.ndarray) -> np.ndarray:
    return scores.min() + scores.max() - scores


def tables(seconds: float) -> list[Table]:
    """The table: its title, the labels of its lines, and its lines."""
    return [
        (
            "`training_smoke`: 100 rows, five features, one of them informative",
            ["trainer", "positives", "truth", *HEAD],
            training_smoke(seconds / 2),
        ),
    ]
