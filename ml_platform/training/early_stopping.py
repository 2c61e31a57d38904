"""Training rows that are held back to see when more rounds stop helping."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ml_platform.exceptions import TrainingError
from ml_platform.plugins import Strict
from ml_platform.task import Task


class EarlyStopping(Strict):
    """Stop when `rounds` rounds in a row brought nothing on the rows held back.

    rounds: how many, in a row.
    fraction: share of the training rows held back; the model does not learn from them.
    rows: `random` takes them by seed, of each class alike; `last` takes the last in their given
        order, for rows sorted by time.
    """

    rounds: int = Field(ge=1)
    fraction: float = Field(default=0.1, gt=0, lt=1)
    rows: Literal["random", "last"] = "random"


def held_back(
    target: NDArray[np.generic], stopping: EarlyStopping, *, task: Task, seed: int
) -> NDArray[np.bool_]:
    """Return a mask (n,) of the rows to hold back; every class keeps rows to learn from.

    Raises TrainingError when no row, or a class only, would be left on one side.
    """
    held = np.zeros(len(target), bool)
    if stopping.rows == "last":
        held[len(target) - int(len(target) * stopping.fraction) :] = True
    else:
        random = np.random.default_rng(seed)
        groups = np.zeros(len(target), np.int64) if task is Task.REGRESSION else target
        for group in np.unique(groups):
            places = random.permutation(np.flatnonzero(groups == group))
            held[places[: int(len(places) * stopping.fraction)]] = True
    lost = set() if task is Task.REGRESSION else set(target[held]) - set(target[~held])
    if held.all() or not held.any() or lost:
        raise TrainingError(
            f"early stopping cannot hold back {stopping.fraction:.0%} of {len(target):,} rows "
            f"({stopping.rows}): one side would lack rows or a class; train on more rows, or "
            "choose another fraction"
        )
    return held
