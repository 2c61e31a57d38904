from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pandas.testing import assert_series_equal

from ml_platform.data.arrow import digest, from_arrow, to_arrow
from ml_platform.exceptions import StoreError

TIMES = pd.to_datetime(["2013-01-01", None])


@pytest.mark.parametrize(
    "series",
    [
        pd.Series([1, 2], dtype="int8"),
        pd.Series([1, 2], dtype="uint32"),
        pd.Series([1.5, np.nan], dtype="float32"),
        pd.Series([1, None], dtype="Int8"),
        pd.Series([1.5, None], dtype="Float64"),
        pd.Series(["a", None], dtype="string"),
        pd.Series(["b", None, "a"], dtype="category"),
        pd.Series(pd.to_datetime([1, None])),
        pd.Series(TIMES.as_unit("s")),
        pd.Series(TIMES.tz_localize("America/New_York")),
        pd.Series(pd.to_timedelta([1, None], unit="s")),
        pd.Series([date(2013, 1, 1), None]),
        pd.Series([Decimal("1.50"), None]),
        pd.Series([1, None, "x", 2.5, True], dtype=object),
        pd.Series([1, None], dtype=object),
        pd.Series([b"x", None], dtype=object),
    ],
    ids=lambda series: f"{series.dtype} {type(series[0]).__name__}",
)
def test_column_comes_back_as_it_was(series: Any):
    table, layout = to_arrow(series.to_frame("a"))
    assert_series_equal(from_arrow(table, layout, where="t")["a"], series.rename("a"))


def test_names_that_differ_by_case_alone_stay_apart():
    frame = pd.DataFrame({"a": [1], "A": [2], "a__2": [3]})
    table, layout = to_arrow(frame)
    assert len({name.lower() for name in table.column_names}) == 3
    pd.testing.assert_frame_equal(from_arrow(table, layout, where="t"), frame)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "must be text and differ"),
        (pd.DataFrame({1: [1]}), "must be text and differ"),
        (pd.DataFrame(index=[0]), "without columns"),
        (
            pd.DataFrame({"a": pd.Series([object(), 1], dtype=object)}),
            "column 'a' .*cannot be stored",
        ),
        (
            pd.DataFrame({"a": np.array([2**64 - 1], dtype="uint64")}),
            "column 'a' .*cannot be stored",
        ),
    ],
)
def test_what_no_table_can_hold_is_refused(frame: pd.DataFrame, words: str):
    with pytest.raises(StoreError, match=words):
        to_arrow(frame)


def test_digest_does_not_depend_on_chunks_and_what_lies_under_a_null():
    whole = pa.chunked_array([[1.0, None, 3.0]])
    parts = pa.chunked_array([pa.array([1.0, None]), pa.array([9.0, 3.0])[1:]])
    assert digest(whole) == digest(parts)
    masked = pa.array(np.array([1.0, 77.0, 3.0]), mask=np.array([False, True, False]))
    assert digest(pa.chunked_array([masked])) == digest(whole)
    assert digest(pa.chunked_array([[1.0, 0.0, 3.0]])) != digest(whole)
