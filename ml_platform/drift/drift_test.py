"""What a drift test is: a distance between two distributions, and a threshold for it."""

from abc import abstractmethod
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from ml_platform.drift.bins import Binned, Reference
from ml_platform.drift.column import ColumnDrift
from ml_platform.drift.noise import Noise, noise_of
from ml_platform.plugins import Plugin, Registry

Floats = NDArray[np.float64]

CONFIDENCE = 0.99
"""Of both errors: a false alarm of a report, and a shift as large as the threshold missed."""


class DriftTest(Plugin):
    """Judges by effect size whether a column moved between a reference and now.

    The error rates do not depend on the number of rows. A column that did not move is called
    `drifted` in at most 1 % of reports, all their columns together; one that moved by the
    threshold is called `stable` in at most 1 %; `unclear` is where the rows are too few for both.

    threshold: the smallest effect that matters.
    bins: bins of a numeric column, at quantiles of the reference; a categorical one has twice as
        many, for its most frequent categories, and one for the others. Nulls have their own.
    """

    squared: ClassVar[bool] = False
    """Whether the distance grows with the square of a small shift, as a divergence does."""

    threshold: float = Field(gt=0)
    bins: int = Field(default=10, ge=2, le=100)

    @abstractmethod
    def distance(self, reference: Floats, current: Floats, spacing: Floats | None) -> Floats:
        """Return the effect size, in [0, ...), between shares of bins (..., b), the last of nulls.

        spacing: (b - 2,) length that each inner edge stands for, in standard deviations of the
            reference; None for categories, which have no order.
        Vectorised over the leading axes; 0 for equal shares.
        """

    def reference(self, column: pd.Series, *, seed: int = 0) -> Reference:
        """Count a column once for many comparisons."""
        return Reference.of(column, bins=self.bins, seed=seed)

    def compare(
        self,
        reference: pd.Series | Reference,
        current: pd.Series,
        *,
        columns: int = 1,
        seed: int = 0,
    ) -> ColumnDrift:
        """Compare one column; `columns` is how many the report judges at once.

        reference: the column, or what `reference` counted of it.
        """
        name = str(reference.name)
        rows = reference.rows if isinstance(reference, Reference) else len(reference)
        if rows == 0 or len(current) == 0:
            which = "reference" if rows == 0 else "current data"
            return self._unmeasured(name, (rows, len(current)), f"the {which} has no rows")
        try:
            if not isinstance(reference, Reference):
                reference = self.reference(reference, seed=seed)
            counted = reference.beside(current)
        except (TypeError, ValueError) as error:
            return self._unmeasured(name, (rows, len(current)), f"not comparable: {error}")
        return self.judge(counted, name=name, columns=columns, seed=seed)

    def judge(self, counted: Binned, *, name: str, columns: int = 1, seed: int = 0) -> ColumnDrift:
        """Judge a column that was counted already."""
        noise = self.noise(counted, alarms=(1 - CONFIDENCE) / columns, seed=seed)
        if noise.high < self.threshold:
            verdict = "stable"
        else:
            verdict = "drifted" if noise.significant else "unclear"
        return ColumnDrift(
            column=name,
            test=self.type,
            verdict=verdict,
            value=noise.value,
            low=noise.low,
            high=noise.high,
            threshold=self.threshold,
            rows=(int(counted.reference.sum()), int(counted.current.sum())),
            shares=counted.shares,
        )

    def noise(self, counted: Binned, *, alarms: float, seed: int) -> Noise:
        """Separate the effect from the noise of sampling; to override where it is measured apart.

        alarms: how often noise alone may be called significant.
        """
        return noise_of(
            lambda p, q: self.distance(p, q, counted.spacing),
            counted,
            power=1 if self.squared else 2,
            confidence=CONFIDENCE,
            alarms=alarms,
            seed=seed,
        )

    def _unmeasured(self, name: str, rows: tuple[int, int], reason: str) -> ColumnDrift:
        return ColumnDrift(
            column=name,
            test=self.type,
            verdict="unclear",
            threshold=self.threshold,
            rows=rows,
            reason=reason,
        )


DRIFT_TESTS: Registry[DriftTest] = Registry("drift test", DriftTest, package="ml_platform.drift")
