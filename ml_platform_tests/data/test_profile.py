from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_platform.data.contract import Contract
from ml_platform.data.profile import infer_contract, profile
from ml_platform.data.validation import Validation, validate


def column(values: Any) -> dict[str, Any]:
    return infer_contract(pd.DataFrame({"a": values}))["columns"]["a"]


def codes(*values: str) -> dict[str, Any]:
    return {"dtype": "category", "allowed": [*values]}


def own_verdict(frame: pd.DataFrame) -> Validation:
    contract = Contract.model_validate(infer_contract(frame))
    now = datetime(2013, 1, 1, tzinfo=UTC)
    return validate(frame, contract, event_time=None, folder=Path(), now=now)


@pytest.mark.parametrize(
    ("values", "declared"),
    [
        ([10, 20], {"dtype": "int64", "min": 9, "max": 21}),
        ([0, False], {"dtype": "string"}),
        ([0, 100], {"dtype": "int64", "min": 0, "max": 110}),
        ([-100, 0], {"dtype": "int64", "min": -110, "max": 0}),
        ([7, 7], {"dtype": "int64", "min": 6, "max": 8}),
        ([0.5, 1.5], {"dtype": "float64", "min": 0.4, "max": 1.6}),
        ([True, False], {"dtype": "bool"}),
        (["b", "a", "a", "b"], {"dtype": "category", "allowed": ["a", "b"]}),
        (["x1", "x2", "x3"], {"dtype": "string"}),
        (["2013-01-01", "2013-01-02T03:04:05Z"], {"dtype": "datetime"}),
        ([date(2013, 1, 1)], {"dtype": "datetime"}),
        (["2013-01-01", "2013-02-30"], {"dtype": "datetime"}),
        (["1234-56-78", "9999-99-99"] * 2, codes("1234-56-78", "9999-99-99")),
        (["2013-01-01 10:00 B"] * 2, codes("2013-01-01 10:00 B")),
        (["2013-01", "2013-02"] * 2, codes("2013-01", "2013-02")),
        (["1-2", "1-3"] * 2, codes("1-2", "1-3")),
        (["2013", "2014"] * 2, codes("2013", "2014")),
        (pd.to_datetime(["2013-01-01"]), {"dtype": "datetime"}),
        ([None, None], {"dtype": "float64", "nullable": True, "max_null_fraction": 1.0}),
        ([1, "x", 2.5, True], {"dtype": "string"}),
    ],
)
def test_column_suggests_its_contract(values: Any, declared: dict[str, Any]):
    assert column(values) == declared


def test_gaps_get_room():
    declared = column([1.0] * 9 + [None])
    assert declared["nullable"]
    assert declared["max_null_fraction"] == pytest.approx(0.16)


def test_ten_thousand_categories_are_not_listed():
    declared = column([f"c{number}" for number in range(10_000)] * 3)
    assert declared == {"dtype": "category"}


def test_profile_says_what_is_seen():
    seen = profile(pd.DataFrame({"航班": [1.0, None, np.inf, 3.0]}))["航班"]
    assert (seen.rows, seen.nulls, seen.distinct, seen.low, seen.high) == (4, 1, 3, 1.0, 3.0)
    assert seen.null_fraction == 0.25


def test_half_as_many_rows_must_come():
    assert infer_contract(pd.DataFrame({"a": range(101)}))["table"] == {"min_rows": 50}
    assert infer_contract(pd.DataFrame({"a": [1]}))["table"] == {"min_rows": 1}


VALUES = st.one_of(
    st.lists(st.one_of(st.integers(-(2**60), 2**60), st.none()), min_size=1),
    st.lists(st.one_of(st.floats(allow_infinity=False, allow_nan=True)), min_size=1),
    st.lists(st.booleans(), min_size=1),
    st.lists(st.one_of(st.text(), st.none()), min_size=1),
    st.lists(st.sampled_from(["a", "b", "NA", "no"]), min_size=1, max_size=50),
    st.lists(st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)), min_size=1),
    st.lists(st.one_of(st.integers(0, 9), st.text(max_size=3), st.booleans()), min_size=1),
)


@settings(max_examples=60, deadline=None)
@given(values=VALUES, name=st.sampled_from(["a", "class", "航班", "with space"]))
def test_rows_keep_the_contract_that_they_suggest(values: list[Any], name: str):
    result = own_verdict(pd.DataFrame({name: pd.Series(values)}))
    assert result.violations == ()
    assert len(result.valid) == len(values)
