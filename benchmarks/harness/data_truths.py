"""Rows, features and calls whose truth is known, as evidence for gates on data and cost."""

import time
from functools import cache
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pandas as pd

from ml_platform.data.contract import Contract
from ml_platform.drift.bins import TAIL, Binned
from ml_platform.drift.drift_test import DriftTest
from ml_platform.evaluation.report import Evaluation
from ml_platform.gates.evidence import (
    DataEvidence,
    EvaluationEvidence,
    Record,
    Reference,
    Runtime,
    Runtimes,
    TrainingEvidence,
)
from ml_platform.task import Task

BINS, CATEGORIES = 10, 8
NORMAL = NormalDist()
EDGES = np.array([NORMAL.inv_cdf(k / BINS) for k in range(1, BINS)])
_POINTS = np.array([NORMAL.inv_cdf(TAIL), *EDGES, NORMAL.inv_cdf(1 - TAIL)])
SPACING = (_POINTS[2:] - _POINTS[:-2]) / 2
"""Of the bins between deciles of a standard normal, as `Binned` has it."""


def psi(p: np.ndarray, q: np.ndarray) -> float:
    """Population stability index of two sets of shares."""
    return float(((q - p) * np.log(q / p)).sum())


def _deciles(shift: float) -> np.ndarray:
    """The shares (BINS,) of a standard normal that moved, between the deciles of one at rest."""
    return np.diff([0.0, *(NORMAL.cdf(edge - shift) for edge in EDGES), 1.0])


@cache
def shift_of(wanted: float) -> float:
    """How far a standard normal has to move for that PSI over its deciles."""
    return _solved(lambda shift: psi(_deciles(0.0), _deciles(shift)), wanted)


def shift_for(test: DriftTest, wanted: float) -> float:
    """How far a standard normal has to move for that effect size by a test."""

    def effect(shift: float) -> float:
        shares = (np.append(_deciles(each), 0.0) for each in (0.0, shift))
        return float(test.distance(*shares, SPACING))

    return _solved(effect, wanted)


@cache
def tilt_of(wanted: float) -> float:
    """How far half of equal categories have to gain what the others lose, for that PSI."""
    return _solved(lambda tilt: psi(_tilted(0.0), _tilted(tilt)), wanted, high=0.99)


def _solved(index, wanted: float, high: float = 3.0) -> float:
    low = 0.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if index(middle) < wanted else (low, middle)
    return low


def _tilted(tilt: float) -> np.ndarray:
    sign = np.where(np.arange(CATEGORIES) % 2 == 0, 1, -1)
    return (1 + tilt * sign) / CATEGORIES


def snapshots(rows: int, seed: int, *, columns: int, moved: float, kind: str) -> DataEvidence:
    """Two snapshots; the first column of the kind moved by that PSI, all else is one truth."""
    rng = np.random.default_rng(seed)
    numbers = [f"n{k}" for k in range(columns // 2)]
    names = [f"c{k}" for k in range(columns - len(numbers))]
    frames = []
    for now in (False, True):
        shift = shift_of(moved) if now and kind == "number" and moved else 0.0
        tilt = tilt_of(moved) if now and kind == "category" and moved else 0.0
        frame = {name: rng.normal(size=rows) for name in numbers}
        frame[numbers[0]] = frame[numbers[0]] + shift
        for name in names:
            share = _tilted(tilt if name == "c0" else 0.0)
            codes = rng.choice(CATEGORIES, rows, p=share)
            frame[name] = pd.Categorical.from_codes(codes, list("abcdefgh"))
        frame["y"] = (rng.random(rows) < 0.2).astype(np.int64)
        frames.append(pd.DataFrame(frame))
    return DataEvidence(
        frame=frames[1],
        contract=_contract(tuple(numbers), tuple(names)),
        target="y",
        previous=lambda: Reference("before", frames[0]),
        seed=seed,
    )


def labels(rows: int, seed: int, *, before: float, now: float) -> DataEvidence:
    """Two snapshots whose positives have these shares."""
    rng = np.random.default_rng(seed)
    frames = [
        pd.DataFrame({"y": (rng.random(rows) < share).astype(np.int64)}) for share in (before, now)
    ]
    return DataEvidence(
        frame=frames[1],
        contract=_contract((), ()),
        target="y",
        previous=lambda: Reference("before", frames[0]),
        seed=seed,
    )


@cache
def _contract(numbers: tuple[str, ...], names: tuple[str, ...]) -> Contract:
    columns = {name: {"dtype": "float64"} for name in numbers}
    columns |= {name: {"dtype": "category"} for name in names} | {"y": {"dtype": "int64"}}
    return Contract.model_validate({"version": 1, "columns": columns})


def counted(rows: int, seed: int, *, columns: int, shift: float) -> list[Binned]:
    """The counts of normal columns of many rows, drawn from their law; the first one moved."""
    rng = np.random.default_rng(seed)
    even, other = _deciles(0.0), _deciles(shift)
    found = []
    for column in range(columns):
        share = other if column == 0 else even
        draws = [np.append(rng.multinomial(rows, each), 0) for each in (even, share)]
        names = (*(str(k) for k in range(BINS)), "(missing)")
        found.append(Binned(names, draws[0], draws[1], spacing=SPACING))
    return found


def one_feature(
    rows: int, seed: int, *, area: float, features: int = 10, repeated: float = 0.0, base: float
) -> TrainingEvidence:
    """The first feature alone reaches that AUC; a share of the holdout was trained on."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({f"f{k}": rng.normal(size=rows) for k in range(features)})
    frame["y"] = (rng.random(rows) < base).astype(np.int64)
    frame["f0"] = frame["f0"] + NORMAL.inv_cdf(area) * np.sqrt(2) * frame["y"]
    cut = int(rows * 0.8)
    train, holdout = frame.iloc[:cut], frame.iloc[cut:].copy()
    copies = rng.random(len(holdout)) < repeated
    holdout.iloc[np.flatnonzero(copies)] = train.iloc[: copies.sum()].to_numpy()
    names = [f"f{k}" for k in range(features)]
    return TrainingEvidence(
        frame=train,
        target="y",
        task=Task.BINARY,
        fit=lambda _: None,
        seed=seed,
        holdout=holdout,
        features=lambda part: part[names],
    )


def calls(seconds: float, *, slower: float) -> EvaluationEvidence:
    """A champion that works for so long a call, and a candidate that works for longer."""
    candidate = Runtime(version=2, folder=Path(), predict=_works(seconds * slower))
    champion = Runtime(version=1, folder=Path(), predict=_works(seconds))
    loaded = Runtimes(candidate=candidate, records=[{"x": 1.0}] * 4, champion=champion)
    return EvaluationEvidence(
        evaluation=Evaluation(
            task=Task.BINARY, rows=0, metrics={}, confidence=0.95, rounds=0, seed=0
        ),
        runtimes=lambda: loaded,
    )


def _works(seconds: float):
    def predict(records: list[Record]) -> list[Record]:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            pass
        return [{"prediction": 1} for _ in records]

    return predict
