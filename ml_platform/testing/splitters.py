"""What every splitter promises."""

import numpy as np
import pandas as pd

from ml_platform.data.splits.splitter import SPLITTERS, Split, Splitter


def check_splitter(
    splitter: Splitter, frame: pd.DataFrame, *, target: str, event_time: str | None = None
) -> Split:
    """Hold a splitter to the contract of its kind on `frame`; return the split.

    Positions are valid, sorted, each there once and on one side; no side is empty; the frame
    stays as it was; the same rows and declaration give the same split whatever the index.
    """
    before = frame.copy(deep=True)
    split = splitter.split(frame, target=target, event_time=event_time)
    for name, side in (("train", split.train), ("holdout", split.holdout)):
        assert len(side), f"{name} is empty"
        assert np.issubdtype(side.dtype, np.integer), f"{name} holds {side.dtype}, not positions"
        assert (np.diff(side) > 0).all(), f"{name} is not ascending, or has a row twice"
        assert 0 <= side[0] <= side[-1] < len(frame), f"{name} has a position outside the frame"
    both = np.intersect1d(split.train, split.holdout)
    assert not len(both), f"rows {both[:5].tolist()} are on both sides"
    pd.testing.assert_frame_equal(frame, before, obj="the frame after the split")
    declared = SPLITTERS.parse(splitter.model_dump(mode="json"))
    renamed = frame.set_axis(pd.Index(np.arange(len(frame))[::-1] + 7))
    again = declared.split(renamed, target=target, event_time=event_time)
    assert np.array_equal(again.train, split.train), "another split for the same rows"
    assert np.array_equal(again.holdout, split.holdout), "another split for the same rows"
    return split
