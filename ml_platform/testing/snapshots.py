"""What every store of snapshots promises."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from pandas.testing import assert_frame_equal

from ml_platform.data.snapshots import Snapshots
from ml_platform.exceptions import SnapshotNotFound


def check_snapshot_store(store: Snapshots, *, table: str = "contract/rows") -> None:
    """Hold an empty store to the contract of its kind."""
    assert store.latest(table) is None, "an empty store has no latest snapshot"
    assert store.history(table) == [], "an empty store has no history"
    _refuses(lambda: store.read(table))
    frame = example_rows()
    first = store.write(table, frame, metadata={"source": "example"})
    assert (first.table, first.rows) == (table, len(frame)), "a snapshot says what it is of"
    assert first.columns == tuple(frame.columns), "a snapshot names its columns"
    assert first.metadata == {"source": "example"}, "a snapshot keeps what the writer said"
    assert store.latest(table) == first, "the one snapshot is the latest"
    _check_same_rows(store, table, frame)
    second = store.write(table, frame.iloc[::-1])
    assert second.version > first.version, "other rows are another version"
    assert second.content_hash != first.content_hash, "another order is another content"
    assert store.history(table) == [second, first], "the history is newest first"
    _check_reads(store, table, frame)


def example_rows() -> pd.DataFrame:
    """Rows of every dtype that a contract knows, with gaps, odd names and odd text."""
    times = pd.to_datetime(["2013-01-01", "2013-06-01T12:30:00.000001", None], format="ISO8601")
    return pd.DataFrame(
        {
            "id": np.array([1, 2, 2**62 + 1]),
            "whole": pd.array([1, None, -(2**62) - 1], dtype="Int64"),
            "number": [0.1, np.nan, -0.0],
            "flag": [True, False, True],
            "maybe": pd.array([True, None, False], dtype="boolean"),
            "class": ["a", None, "'\"|\n"],
            "航班": ["上海", "", "é"],
            "Class": ["A", "B", "C"],
            "time": times,
            "time, zoned": times.tz_localize("UTC"),
            "nothing": pd.Series([None, None, None], dtype=object),
        }
    )


def _check_same_rows(store: Snapshots, table: str, frame: pd.DataFrame) -> None:
    latest = store.latest(table)
    assert store.write(table, frame) == latest, "the same rows make no new version"
    assert store.write(table, store.read(table)) == latest, "what is read is what was written"
    renamed = frame.set_axis(pd.Index([9, 8, 7]))
    assert store.write(table, renamed) == latest, "the index is not part of the content"


def _check_reads(store: Snapshots, table: str, frame: pd.DataFrame) -> None:
    newest, oldest = store.history(table)
    turned = frame.iloc[::-1].reset_index(drop=True)
    assert_frame_equal(store.read(table), turned, obj="the latest")
    assert_frame_equal(store.read(table, version=oldest.version), frame, obj="by number")
    by_hash = store.read(table, content_hash=newest.content_hash)
    assert_frame_equal(by_hash, turned, obj="by hash")
    some = store.read(table, version=oldest.version, columns=["航班", "id"])
    assert_frame_equal(some, frame[["航班", "id"]], obj="some columns, in the order asked for")
    _refuses(lambda: store.read(table, version=newest.version + 1))
    _refuses(lambda: store.read(table, content_hash="0" * 64))
    _refuses(lambda: store.read(table, columns=["no such column"]))


def _refuses(read: Callable[[], object]) -> None:
    try:
        read()
    except SnapshotNotFound:
        return
    raise AssertionError("reading what there is not raises SnapshotNotFound")
