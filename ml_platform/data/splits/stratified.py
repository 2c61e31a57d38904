"""Rows divided by lot, in each class alike."""

from typing import Literal

import numpy as np
import pandas as pd

from ml_platform.data.splits.splitter import SPLITTERS, Split, Splitter
from ml_platform.exceptions import SplitError


@SPLITTERS.register
class Stratified(Splitter):
    """Each class has the same fraction in the holdout, to within one row over all classes.

    A class of one row is in training.

    holdout: fraction of rows in the holdout.
    column: whose values are the classes; the target if not given.
    seed: another one gives another split.
    """

    type: Literal["stratified"] = "stratified"
    column: str | None = None
    seed: int = 0

    def reads(self, *, target: str, event_time: str | None) -> tuple[str, ...] | None:
        """The columns that decide."""
        return (self.column or target,)

    def split(self, frame: pd.DataFrame, *, target: str, event_time: str | None) -> Split:
        """Divide each class; missing values are a class of their own."""
        column = self.column or target
        if column not in frame.columns:
            raise SplitError(f"there is no column {column!r} (columns: {', '.join(frame.columns)})")
        codes, values = pd.factorize(frame[column], sort=True, use_na_sentinel=False)
        if len(frame) > 1 and len(values) > len(frame) // 2:
            raise SplitError(
                f"column {column!r} has {len(values)} values in {len(frame)} rows, too many to be "
                "classes; use the split random"
            )
        sizes = np.bincount(codes, minlength=len(values))
        ends = np.round(np.cumsum(sizes) * self.holdout).astype(np.int64)
        wanted = np.minimum(np.diff(ends, prepend=0), sizes - 1)
        lots = np.random.default_rng(self.seed).permutation(len(frame))
        order = np.lexsort((lots, codes))
        place = np.arange(len(frame)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        held = place < np.repeat(wanted, sizes)
        if not held.any():
            raise SplitError(f"{len(frame)} rows cannot be split with holdout {self.holdout:g}")
        return Split(train=np.sort(order[~held]), holdout=np.sort(order[held]))
