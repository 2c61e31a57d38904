"""How well each feature alone tells the target of the holdout."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_platform.gates.evidence import TrainingEvidence
from ml_platform.task import Task

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.int64]

MOST_ROWS = 50_000
"""Rows of each part that are looked at: an AUC of so many is known to 0.003."""

LEAST = 20
"""Rows of each class without which nothing can be said."""

BINS = 32
Z = 2.58
"""Two-sided 99 %."""


@dataclass(frozen=True)
class LoneFeature:
    """The area under the ROC curve that a feature alone reaches, with its 99 % interval."""

    name: str
    auc: float
    low: float
    high: float

    @property
    def text(self) -> str:
        """`dep_delay reaches AUC 0.921`."""
        return f"{self.name} reaches AUC {self.auc:.3f}"


def lone_features(
    evidence: TrainingEvidence,
    holdout: pd.DataFrame,
    features: Callable[[pd.DataFrame], pd.DataFrame],
) -> list[LoneFeature] | str:
    """Every feature, the best first; or why it cannot be told.

    A feature is ranked by the mean target of its bins, or categories, among the training rows,
    so it need not rise with the target; a number also by its value.
    """
    train = _some(evidence.frame, evidence.seed)
    held = _some(holdout, evidence.seed + 1)
    questions = list(_questions(train[evidence.target], held[evidence.target], evidence.task))
    if not questions:
        return f"fewer than {LEAST} holdout rows of each class"
    before, now = features(train), features(held)
    found = [_measured(str(name), before[name], now[name], questions) for name in before.columns]
    return sorted(found, key=lambda feature: -feature.auc)


def _some(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    if len(frame) <= MOST_ROWS:
        return frame
    rows = np.random.default_rng(seed).choice(len(frame), MOST_ROWS, replace=False)
    return frame.iloc[np.sort(rows)]


def _questions(train: pd.Series, held: pd.Series, task: Task) -> Iterator[tuple[Floats, Flags]]:
    """Yes or no of training (n,) and holdout (m,): one question a class, one for two."""
    if task is Task.REGRESSION:
        middle = float(train.median())
        pairs = [(train > middle, held > middle)]
    else:
        names = sorted(train.dropna().unique().tolist(), key=str)
        chosen = names[1:] if len(names) == 2 else names
        pairs = [(train == name, held == name) for name in chosen]
    for before, now in pairs:
        positive = now.to_numpy(bool)
        if LEAST <= positive.sum() <= len(positive) - LEAST:
            yield before.to_numpy(np.float64), positive


def _measured(
    name: str, train: pd.Series, held: pd.Series, questions: list[tuple[Floats, Flags]]
) -> LoneFeature:
    before, now = _codes(train, held)
    raw = _ranks(held) if _is_number(held) else None
    areas: list[float] = []
    variances: list[float] = []
    for truth, positive in questions:
        sums = np.bincount(before, weights=truth, minlength=BINS + 2)
        counts = np.bincount(before, minlength=len(sums))
        means = (sums + truth.mean()) / (counts + 1)
        area = _binned_auc(means, np.minimum(now, len(means) - 1), positive)
        if raw is not None:
            straight = _auc(raw, positive)
            area = max(area, straight, 1 - straight)
        areas.append(area)
        variances.append(_variance(area, int(positive.sum()), int((~positive).sum())))
    auc = float(np.mean(areas))
    reach = Z * float(np.sqrt(np.mean(variances)))
    return LoneFeature(name, auc, max(0.0, auc - reach), min(1.0, auc + reach))


def _is_number(series: pd.Series) -> bool:
    api = pd.api.types
    return api.is_numeric_dtype(series.dtype) and not api.is_bool_dtype(series.dtype)


def _codes(train: pd.Series, held: pd.Series) -> tuple[Places, Places]:
    """The bin of each row: quantiles of the training rows, or their categories; null is one."""
    if not _is_number(train) or not _is_number(held):
        codes, known = pd.factorize(train)
        found = (
            pd.Index(known).get_indexer(pd.Index(held)) if len(known) else np.full(len(held), -1)
        )
        nulls = len(known)
        unseen = np.where(held.isna(), nulls, nulls + 1)
        return np.where(codes < 0, nulls, codes), np.where(found < 0, unseen, found)
    numbers = [part.to_numpy(np.float64, na_value=np.nan) for part in (train, held)]
    present = np.sort(numbers[0])  # what is missing comes last
    edges = np.unique(_quantiles(present[: np.count_nonzero(~np.isnan(present))]))
    before, now = (np.where(np.isnan(part), BINS, np.searchsorted(edges, part)) for part in numbers)
    return before, now


def _quantiles(ascending: Floats) -> Floats:
    """Between the bins, interpolated linearly; `np.quantile` would part what is sorted again."""
    if not len(ascending):
        return ascending
    places = np.linspace(0, len(ascending) - 1, BINS + 1)[1:-1]
    before = places.astype(np.int64)
    low, high = ascending[before], ascending[np.minimum(before + 1, len(ascending) - 1)]
    return low + (places - before) * (high - low)


def _ranks(values: pd.Series) -> Floats:
    """Ranks from 1, ties in the middle, nulls first."""
    return values.rank(method="average", na_option="top").to_numpy(np.float64)


def _auc(ranks: Floats, positive: Flags) -> float:
    """The area under the ROC curve from ranks (Mann and Whitney)."""
    yes = int(positive.sum())
    no = len(positive) - yes
    return float((ranks[positive].sum() - yes * (yes + 1) / 2) / (yes * no))


def _binned_auc(means: Floats, bins: Places, positive: Flags) -> float:
    """The same of rows (n,) that are ranked by the mean of the bin that each lies in."""
    distinct, place = np.unique(means, return_inverse=True)
    yes = np.bincount(place[bins[positive]], minlength=len(distinct))
    no = np.bincount(place[bins], minlength=len(distinct)) - yes
    below = np.cumsum(no) - no / 2
    return float((yes * below).sum() / (yes.sum() * no.sum()))


def _variance(auc: float, yes: int, no: int) -> float:
    """Of an AUC (Hanley and McNeil 1982)."""
    both = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    spread = (yes - 1) * (both[0] - auc * auc) + (no - 1) * (both[1] - auc * auc)
    return max(0.0, (auc * (1 - auc) + spread) / (yes * no))
