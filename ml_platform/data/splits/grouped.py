"""Whole groups in training or holdout."""

from typing import Literal

import numpy as np
import pandas as pd

from ml_platform.data.splits.splitter import SPLITTERS, Split, Splitter
from ml_platform.exceptions import SplitError


@SPLITTERS.register
class Grouped(Splitter):
    """Rows of one group, such as a customer, stay together.

    holdout: fraction of rows, reached as near as whole groups drawn by lot allow.
    group: the column that names the group.
    seed: another one gives another split.
    """

    type: Literal["grouped"] = "grouped"
    group: str
    seed: int = 0

    def reads(self, *, target: str, event_time: str | None) -> tuple[str, ...] | None:
        """The columns that decide."""
        return (self.group,)

    def split(self, frame: pd.DataFrame, *, target: str, event_time: str | None) -> Split:
        """Draw groups into the holdout until it is nearest to the wanted size."""
        if self.group not in frame.columns:
            raise SplitError(
                f"there is no column {self.group!r} (columns: {', '.join(frame.columns)})"
            )
        codes, groups = pd.factorize(frame[self.group], sort=True)
        if (codes < 0).any():
            raise SplitError(f"{int((codes < 0).sum())} rows have no {self.group!r}")
        if len(groups) < 2:
            raise SplitError(
                f"column {self.group!r} has {len(groups)} groups; at least 2 are needed"
            )
        order = np.random.default_rng(self.seed).permutation(len(groups))
        reached = np.cumsum(np.bincount(codes)[order])[:-1]
        count = int(np.argmin(np.abs(reached - len(frame) * self.holdout))) + 1
        held = np.isin(codes, order[:count])
        return Split(train=np.flatnonzero(~held), holdout=np.flatnonzero(held))
