"""Holdouts of known truth for the gates that judge rows."""

from statistics import NormalDist

import numpy as np
import pandas as pd

from ml_platform.evaluation.report import Evaluation
from ml_platform.gates.evidence import ChampionEvidence, EvaluationEvidence
from ml_platform.task import Task

NORMAL = NormalDist()


def two_models(
    rows: int, *, seed: int, drop=0.0, area=0.75, base=0.2, correlation=0.9
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Target, scores of a candidate whose true AUC is lower by `drop`, scores of a champion."""
    rng = np.random.default_rng(seed)
    target = (rng.random(rows) < base).astype(np.int64)
    shared = rng.normal(size=rows)
    scores = []
    for auc in (area - drop, area):
        own = rng.normal(size=rows)
        noise = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own
        raw = noise + NORMAL.inv_cdf(auc) * np.sqrt(2) * target
        scores.append(1 / (1 + np.exp(1.5 - raw)))
    return target, scores[0], scores[1]


def evidence_of(target, scores, champion=None, *, task=Task.BINARY, seen="none", **more):
    """Evidence of these rows; `champion` are its scores."""
    if isinstance(seen, str):
        seen = np.zeros(len(target), dtype=bool)
    against = ChampionEvidence(version=3, scores=champion, seen=seen)
    return EvaluationEvidence(
        evaluation=Evaluation(
            task=task, rows=len(target), metrics={}, confidence=0.95, rounds=0, seed=0
        ),
        target=target,
        scores=scores,
        champion=None if champion is None else against,
        **more,
    )


def groups(rows: int, names: list[str]) -> pd.DataFrame:
    """A frame whose column `group` goes through the names in turn."""
    return pd.DataFrame({"group": np.resize(np.array(names, dtype=object), rows)})
