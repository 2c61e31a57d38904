"""How much each training row counts."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_platform.exceptions import TrainingError

Weights = NDArray[np.float64]


@dataclass(frozen=True)
class Weighting:
    """Recent rows over old ones, rare classes over common ones; both multiply.

    event_time: the column of times that `half_life` needs.
    half_life: a row that is this much older than the latest counts half.
    balance: every class counts the same in sum.
    """

    event_time: str | None = None
    half_life: timedelta | None = None
    balance: bool = False

    def weights(
        self, frame: pd.DataFrame, target: NDArray[np.generic], *, classes: int
    ) -> Weights | None:
        """Return a weight for each row, shape (n,), their mean 1; None where all count the same.

        classes: 0 for a regression, whose rows cannot be balanced.
        Raises TrainingError when a row has no time.
        """
        weights = np.ones(len(target))
        if self.half_life is not None and self.event_time is not None:
            weights *= 0.5 ** (_ages(frame[self.event_time]) / self.half_life.total_seconds())
        if self.balance and classes:
            codes = target.astype(np.int64)
            sums = np.bincount(codes, weights=weights, minlength=classes)
            weights /= sums[codes]
        elif self.half_life is None:
            return None
        return weights / weights.mean()


def _ages(times: pd.Series) -> NDArray[np.float64]:
    """Seconds before the latest."""
    if times.isna().any():
        raise TrainingError(f"{times.name!r} is null in {int(times.isna().sum()):,} training rows")
    return (times.max() - times).dt.total_seconds().to_numpy(np.float64)
