"""The drift test `population_stability`."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from ml_platform.drift.drift_test import DRIFT_TESTS, DriftTest, Floats

FLOOR = 1e-4
"""Smallest share: an empty bin is not infinitely far from a full one."""


@DRIFT_TESTS.register
class PopulationStability(DriftTest):
    """Population stability index: sum of (q - p) ln(q / p) over the bins.

    Credit scoring reads below 0.1 as stable and from 0.25 on as another population.
    """

    squared: ClassVar[bool] = True

    type: Literal["population_stability"] = "population_stability"
    threshold: float = Field(default=0.2, gt=0)

    def distance(self, reference: Floats, current: Floats, spacing: Floats | None) -> Floats:
        """The index; bins of less than 0.01 % count as if they had that."""
        p, q = np.maximum(reference, FLOOR), np.maximum(current, FLOOR)
        return ((q - p) * np.log(q / p)).sum(axis=-1)
