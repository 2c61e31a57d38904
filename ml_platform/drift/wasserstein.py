"""The drift test `wasserstein`."""

from typing import Literal

import numpy as np
from pydantic import Field

from ml_platform.drift.drift_test import DRIFT_TESTS, DriftTest, Floats
from ml_platform.drift.ks_distance import total_variation


@DRIFT_TESTS.register
class Wasserstein(DriftTest):
    """Wasserstein distance in standard deviations of the reference: how far rows have to move.

    Values beyond the 0.1 % and 99.9 % quantiles of the reference count as if they were there.
    A row that becomes null, or goes to another category, moves by one.
    """

    type: Literal["wasserstein"] = "wasserstein"
    threshold: float = Field(default=0.3, gt=0)
    bins: int = Field(default=20, ge=2, le=100)

    def distance(self, reference: Floats, current: Floats, spacing: Floats | None) -> Floats:
        """The area between the distribution functions of the values that are there."""
        if spacing is None:
            return total_variation(reference, current)
        nulls = np.stack([reference[..., -1], current[..., -1]])
        p, q = _present(reference), _present(current)
        between = np.abs(np.cumsum(p - q, axis=-1)[..., :-1]) @ spacing
        return between * (1 - nulls.max(axis=0)) + np.abs(nulls[0] - nulls[1])


def _present(shares: Floats) -> Floats:
    values = shares[..., :-1]
    total = values.sum(axis=-1, keepdims=True)
    return values / np.where(total > 0, total, 1.0)
