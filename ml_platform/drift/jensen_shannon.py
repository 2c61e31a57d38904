"""The drift test `jensen_shannon`."""

from typing import Literal

import numpy as np
from pydantic import Field

from ml_platform.drift.drift_test import DRIFT_TESTS, DriftTest, Floats


@DRIFT_TESTS.register
class JensenShannon(DriftTest):
    """Jensen-Shannon distance: root of the divergence to base 2; 0 equal, 1 nothing in common."""

    type: Literal["jensen_shannon"] = "jensen_shannon"
    threshold: float = Field(default=0.15, gt=0, le=1)

    def distance(self, reference: Floats, current: Floats, spacing: Floats | None) -> Floats:
        """The distance over the bins."""
        middle = (reference + current) / 2
        divergence = (_against(reference, middle) + _against(current, middle)) / 2
        return np.sqrt(np.maximum(divergence, 0.0))


def _against(share: Floats, middle: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = share * np.log2(share / middle)
    return np.where(share > 0, parts, 0.0).sum(axis=-1)
