"""Whether a model learned its target, told on the very rows that it was trained on."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_platform.evaluation.metrics.metric import Scores, Target
from ml_platform.task import Task

Floats = NDArray[np.float64]


def beyond_chance(target: Target, scores: Scores, task: Task) -> float:
    """How far scores follow a target, in standard deviations of what chance alone would give.

    By ranks, so that neither calibration nor scale counts; shapes as in `Task`. The mean and the
    variance are those of all ways to deal the targets out among the rows (Hoeffding 1951). 0 where
    all rows have one score, or one target.
    """
    wanted = _by_class(target, task)
    ranks = pd.DataFrame(scores.reshape(len(target), -1)).rank().to_numpy(np.float64)
    ranks, wanted = ranks - ranks.mean(axis=0), wanted - wanted.mean(axis=0)
    variance = ((ranks.T @ ranks) * (wanted.T @ wanted)).sum() / max(1, len(target) - 1)
    return float((ranks * wanted).sum() / np.sqrt(variance)) if variance > 0 else 0.0


def direction(features: pd.DataFrame, *, seed: int) -> Floats:
    """One number a row (n,) that all features tell together; 0 where none of them varies.

    It rises or falls, by lot, with each number, null in the middle; where no number varies, with
    how rare the categories are.
    """
    api = pd.api.types
    numbers = [api.is_numeric_dtype(dtype) for dtype in features.dtypes]
    ranks = _ranks(features.loc[:, numbers])
    if not ranks.any():
        others = features.loc[:, [not number for number in numbers]]
        ranks = _ranks(others.apply(_rarity))
    return ranks @ np.random.default_rng(seed).choice([-1.0, 1.0], ranks.shape[1])


def planted(target: pd.Series, codes: Target, along: Floats) -> pd.Series:
    """The same targets, dealt out among the rows so that they rise along a direction."""
    places = np.empty(len(target), dtype=np.int64)
    places[np.argsort(along, kind="stable")] = np.argsort(codes, kind="stable")
    return pd.Series(target.iloc[places].array, index=target.index, name=target.name)


def most_possible(codes: Target, along: Floats, task: Task) -> float:
    """How far beyond chance scores can follow a planted target that see the direction alone."""
    wanted = pd.DataFrame(_by_class(codes, task))
    told = wanted.groupby(along).transform("mean").to_numpy(np.float64)
    ramp = pd.Series(along).rank().to_numpy(np.float64)[:, None] / (2 * len(along) ** 2)
    scores = told + ramp
    return beyond_chance(codes, scores[:, 0] if scores.shape[1] == 1 else scores, task)


def _by_class(target: Target, task: Task) -> Floats:
    """What scores should rise with: (n, 1), or for several classes (n, classes)."""
    if task is Task.MULTICLASS:
        codes = target.astype(np.int64)
        return np.eye(int(codes.max(initial=0)) + 1)[codes]
    numbers = pd.DataFrame(target.astype(np.float64))
    return numbers.rank().to_numpy(np.float64)


def _ranks(frame: pd.DataFrame) -> Floats:
    """The ranks of each column, brought to one scale; 0 for null, and where nothing varies."""
    ranks = frame.rank().astype("float64")
    scale = ranks.std(ddof=0)
    return ((ranks - ranks.mean()) / scale.where(scale > 0)).fillna(0.0).to_numpy()


def _rarity(column: pd.Series) -> pd.Series:
    codes = column.value_counts().index.get_indexer(pd.Index(column))
    return pd.Series(codes, index=column.index).where(codes >= 0)
