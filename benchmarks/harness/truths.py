"""Holdouts whose truth is known, as evidence for the gates that judge rows.

Scores of two classes are normal, a unit apart so far that the AUC is the wanted one; those of
candidate and champion share a part of their noise, as two models of the same data do.
"""

from statistics import NormalDist

import numpy as np
import pandas as pd

from ml_platform.evaluation.report import Evaluation
from ml_platform.gates.evidence import ChampionEvidence, EvaluationEvidence
from ml_platform.task import Task

Truth = EvaluationEvidence


def models_apart(
    rows: int,
    seed: int,
    *,
    drop: float = 0.0,
    base: float = 0.2,
    correlation: float = 0.9,
    area: float = 0.75,
) -> Truth:
    """A champion of that AUC, and a candidate that is worse by `drop`."""
    target, noises = _draw(rows, seed, base, correlation)
    candidate, champion = noises
    return _evidence(
        target, _scores(target, candidate, area - drop), _scores(target, champion, area)
    )


def slices_at(
    rows: int, seed: int, *, count: int, area: float, bad: float | None = None, base: float = 0.2
) -> Truth:
    """Slices of equal size and AUC, but for the first where `bad` is its AUC."""
    target, (noise, _) = _draw(rows, seed, base, 0.9)
    frame = _groups(rows, count)
    scores = _scores(target, noise, area)
    if bad is not None:
        scores = np.where(frame["group"] == "g0", _scores(target, noise, bad), scores)
    return _evidence(target, scores, frame=frame)


def one_bad_slice(rows: int, seed: int, *, count: int, drop: float, base: float = 0.2) -> Truth:
    """A candidate that is equal, but worse by `drop` in the first slice."""
    target, (own, others) = _draw(rows, seed, base, 0.9)
    frame = _groups(rows, count)
    worse, equal = _scores(target, own, 0.75 - drop), _scores(target, own, 0.75)
    scores = np.where(frame["group"] == "g0", worse, equal)
    return _evidence(target, scores, _scores(target, others, 0.75), frame=frame)


def groups_apart(
    rows: int, seed: int, *, count: int, lowest: float, rest: float, base: float = 0.4
) -> Truth:
    """Groups decided positive at one rate, but for the first; whatever the target."""
    rng = np.random.default_rng(seed)
    target = (rng.random(rows) < base).astype(np.int64)
    frame = _groups(rows, count)
    rate = np.where(frame["group"] == "g0", lowest, rest)
    return _evidence(target, np.where(rng.random(rows) < rate, 0.9, 0.1), frame=frame)


def _draw(
    rows: int, seed: int, base: float, correlation: float
) -> tuple[np.ndarray, list[np.ndarray]]:
    rng = np.random.default_rng(seed)
    target = (rng.random(rows) < base).astype(np.int64)
    shared = np.sqrt(correlation) * rng.normal(size=rows)
    return target, [shared + np.sqrt(1 - correlation) * rng.normal(size=rows) for _ in range(2)]


def _scores(target: np.ndarray, noise: np.ndarray, area: float) -> np.ndarray:
    raw = noise + NormalDist().inv_cdf(area) * np.sqrt(2) * target
    return 1 / (1 + np.exp(1 - raw))


def _groups(rows: int, count: int) -> pd.DataFrame:
    codes = np.arange(rows) % count
    return pd.DataFrame({"group": np.array([f"g{k}" for k in range(count)], dtype=object)[codes]})


def _evidence(
    target: np.ndarray,
    scores: np.ndarray,
    champion: np.ndarray | None = None,
    *,
    frame: pd.DataFrame | None = None,
) -> Truth:
    seen = np.zeros(len(target), dtype=bool)
    return EvaluationEvidence(
        evaluation=Evaluation(
            task=Task.BINARY, rows=len(target), metrics={}, confidence=0.95, rounds=0, seed=0
        ),
        holdout=frame,
        target=target,
        scores=scores,
        champion=None
        if champion is None
        else ChampionEvidence(version=1, scores=champion, seen=seen),
    )
