"""Rows divided by lot."""

from typing import Literal

import numpy as np
import pandas as pd

from ml_platform.data.splits.splitter import SPLITTERS, Split, Splitter
from ml_platform.exceptions import SplitError


@SPLITTERS.register
class Random(Splitter):
    """Each row is as likely as any other to be in the holdout.

    holdout: fraction of rows in the holdout.
    seed: another one gives another split.
    """

    type: Literal["random"] = "random"
    seed: int = 0

    def reads(self, *, target: str, event_time: str | None) -> tuple[str, ...] | None:
        """The columns that decide."""
        return ()

    def split(self, frame: pd.DataFrame, *, target: str, event_time: str | None) -> Split:
        """Divide by position; the values do not matter."""
        count = round(len(frame) * self.holdout)
        if not 0 < count < len(frame):
            raise SplitError(f"{len(frame)} rows cannot be split with holdout {self.holdout:g}")
        order = np.random.default_rng(self.seed).permutation(len(frame))
        return Split(train=np.sort(order[count:]), holdout=np.sort(order[:count]))
