"""How rows are divided into training and holdout."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from ml_platform.plugins import Plugin, Registry


@dataclass(frozen=True)
class Split:
    """Positions (not labels) of rows, each sorted ascending; no row is in both.

    Rows inside a gap are in neither.
    """

    train: NDArray[np.int64]
    holdout: NDArray[np.int64]


class Splitter(Plugin, ABC):
    """Divides rows; the same rows and declaration give the same split."""

    holdout: float = Field(default=0.2, gt=0, lt=1)

    @abstractmethod
    def split(self, frame: pd.DataFrame, *, target: str, event_time: str | None) -> Split:
        """Divide the rows of `frame`.

        Raises SplitError when a column is missing or one side would be empty.
        """

    def reads(self, *, target: str, event_time: str | None) -> tuple[str, ...] | None:
        """The columns that `split` looks at; None where it may look at any."""
        return None


SPLITTERS = Registry("splitter", Splitter, package="ml_platform.data.splits")
