"""The drift test `ks_distance`."""

from typing import Literal

import numpy as np
from pydantic import Field

from ml_platform.drift.drift_test import DRIFT_TESTS, DriftTest, Floats


@DRIFT_TESTS.register
class KolmogorovSmirnov(DriftTest):
    """Kolmogorov-Smirnov distance: the largest difference of the shares below a value.

    For categories it is the largest difference of the shares of any set of them (total
    variation).
    """

    type: Literal["ks_distance"] = "ks_distance"
    threshold: float = Field(default=0.15, gt=0, le=1)
    bins: int = Field(default=20, ge=2, le=100)

    def distance(self, reference: Floats, current: Floats, spacing: Floats | None) -> Floats:
        """The distance at the edges of the bins, nulls beyond the last."""
        if spacing is None:
            return total_variation(reference, current)
        return np.abs(np.cumsum(reference - current, axis=-1)[..., :-1]).max(axis=-1)


def total_variation(reference: Floats, current: Floats) -> Floats:
    """Return the largest difference of the shares of any set of bins."""
    return np.abs(reference - current).sum(axis=-1) / 2
