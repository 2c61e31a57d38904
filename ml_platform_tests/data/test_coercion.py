import re
from ast import literal_eval
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest

from ml_platform.data.coercion import coerce
from ml_platform.data.contract import ColumnContract

BIG = 2**53 + 1
CONTRACTS = Path(__file__).parents[2] / "docs" / "contracts.md"


def coerced(values: Any, dtype: Any, *, nullable: bool = True) -> tuple[list[Any], list[int], str]:
    series = values if isinstance(values, pd.Series) else pd.Series(values, dtype=object)
    result = coerce(series, ColumnContract(dtype=dtype, nullable=nullable))
    refused = [] if result.refused is None else np.flatnonzero(result.refused).tolist()
    values = [None if pd.isna(v) else v for v in result.values.tolist()]
    return values, refused, str(result.values.dtype)


CASES: list[tuple[str, list[Any], list[Any], list[int]]] = [
    ("int64", [1, "2", " 3 ", 4.0, "5.0", Decimal(6)], [1, 2, 3, 4, 5, 6], []),
    ("int64", [str(BIG), None, BIG], [BIG, None, BIG], []),
    ("int64", [1.5, True, "x", "", None, [1], 1e30], [None] * 7, [0, 1, 2, 5, 6]),
    ("float64", [1, "2.5", "1e3", Decimal("0.5"), " "], [1.0, 2.5, 1000.0, 0.5, None], []),
    ("float64", [True, "x", date(2013, 1, 1)], [None] * 3, [0, 1, 2]),
    (
        "bool",
        [True, 1, 0.0, "Yes", "f", "0", ""],
        [True, True, False, True, False, False, None],
        [],
    ),
    ("bool", [2, "maybe", 0.5], [None] * 3, [0, 1, 2]),
    ("string", ["a", "", 1, 2.0, 2.5, True, None], ["a", "", "1", "2", "2.5", "true", None], []),
    ("category", [date(2013, 1, 2), Decimal("1.5")], ["2013-01-02", "1.5"], []),
    ("string", [["a"], {}], [None, None], [0, 1]),
]


@pytest.mark.parametrize(("dtype", "values", "expected", "refused"), CASES)
def test_values_become_what_the_table_says(
    dtype: str, values: list[Any], expected: list[Any], refused: list[int]
):
    got, where, _ = coerced(values, dtype)
    assert got == expected
    assert where == refused


@pytest.mark.parametrize(
    ("values", "dtype", "nullable", "expected"),
    [
        (pd.Series([1, 2], dtype="int8"), "int64", False, "int64"),
        (pd.Series([1, 2], dtype="uint64"), "int64", True, "Int64"),
        (pd.Series([1.0, np.nan]), "int64", True, "Int64"),
        (pd.Series([1, None], dtype="Int64"), "float64", True, "float64"),
        (pd.Series([1, 2], dtype="float32"), "float64", False, "float64"),
        (pd.Series([1, 0]), "bool", False, "bool"),
        (pd.Series([True, None], dtype="boolean"), "bool", True, "boolean"),
        (pd.Series(["a", None], dtype="string"), "string", True, "object"),
        (pd.Series(["a", "b"], dtype="category"), "category", False, "object"),
        (pd.Series([1, 2]), "category", False, "object"),
        (pd.Series([], dtype=object), "int64", False, "int64"),
        (
            pd.Series(pd.to_datetime(["2013-01-01"]).as_unit("s")),
            "datetime",
            True,
            "datetime64[ns]",
        ),
    ],
)
def test_column_has_the_dtype_of_its_contract(
    values: pd.Series, dtype: str, nullable: bool, expected: str
):
    _, refused, got = coerced(values, dtype, nullable=nullable)
    assert got == expected
    assert refused == []


def test_whole_numbers_beyond_int64_are_refused():
    values, refused, _ = coerced(pd.Series([1, 2**64 - 1], dtype="uint64"), "int64")
    assert (values, refused) == ([1, None], [1])
    values, refused, _ = coerced(pd.Series([1.0, 2.0**63]), "int64")
    assert (values, refused) == ([1, None], [1])


def test_missing_text_is_none_alone():
    result = coerce(pd.Series(["a", np.nan, pd.NA]), ColumnContract(dtype="string", nullable=True))
    assert result.values.tolist() == ["a", None, None]
    assert result.refused is None


def test_naive_times_stay_naive():
    values, refused, dtype = coerced(
        ["2013-01-01", date(2013, 1, 2), datetime(2013, 1, 3)], "datetime"
    )
    assert dtype == "datetime64[ns]"
    assert refused == []
    assert values == [pd.Timestamp(2013, 1, day) for day in (1, 2, 3)]


def test_any_time_zone_makes_the_column_utc():
    aware = datetime(2013, 1, 1, tzinfo=UTC)
    values, refused, dtype = coerced([aware, "2013-01-01T02:00:00+02:00", "2013-01-01"], "datetime")
    assert dtype == "datetime64[ns, UTC]"
    assert refused == []
    assert set(values) == {pd.Timestamp(2013, 1, 1, tz="UTC")}
    zoned = pd.Series(pd.to_datetime(["2013-01-01"]).tz_localize("America/New_York"))
    assert coerced(zoned, "datetime")[0] == [pd.Timestamp(2013, 1, 1, 5, tz="UTC")]


def test_times_that_are_none_are_refused():
    odd = ["9999-12-31", "soon", 20130101, "", None]
    assert coerced(odd, "datetime")[1] == [0, 1, 2]
    assert coerced(pd.Series([1, 2]), "datetime")[1] == [0, 1]
    far = pd.Series(np.array(["9999-01-01", "2013-01-01"], dtype="datetime64[us]"))
    values, refused, _ = coerced(far, "datetime")
    assert (values, refused) == ([None, pd.Timestamp(2013, 1, 1)], [0])


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        ("int64", pd.Series([1, 2])),
        ("float64", pd.Series([1.0, np.nan])),
        ("string", pd.Series(["a", "b"])),
        ("datetime", pd.Series(pd.to_datetime(["2013-01-01"]))),
        ("bool", pd.Series([True])),
    ],
)
def test_column_that_needs_nothing_is_not_copied(dtype: Any, values: pd.Series):
    result = coerce(values, ColumnContract(dtype=dtype))
    assert np.shares_memory(result.values.to_numpy(), values.to_numpy())


ROWS = re.findall(
    r"^\| `(\w+)` \| ([^|]*) \| ([^|]*) \| ([^|]*) \|$", CONTRACTS.read_text("utf-8"), re.MULTILINE
)[1:]


def test_documented_table_has_every_dtype():
    declared = get_args(ColumnContract.model_fields["dtype"].annotation)
    assert [dtype for dtype, *_ in ROWS] == list(declared)


@pytest.mark.parametrize(("dtype", "becomes", "taken", "refused"), ROWS, ids=[r[0] for r in ROWS])
def test_documented_table_is_what_happens(dtype: str, becomes: str, taken: str, refused: str):
    for given, expected in re.findall(r"`([^`]+)` → `([^`]+)`", taken):
        values, where, _ = coerced([literal_eval(given)], dtype)
        value = str(values[0]) if dtype == "datetime" else values[0]
        assert (repr(value), where) == (repr(literal_eval(expected)), [])
    examples = [literal_eval(given) for given in re.findall(r"`([^`]+)`", refused)]
    assert coerced(examples, dtype)[1] == list(range(len(examples)))
    named = re.findall(r"[\w\[\]]+", becomes.replace("text", "object").replace("if nullable", ""))
    found = [coerced([], dtype, nullable=nullable)[2] for nullable in (False, True)]
    assert named == list(dict.fromkeys(found))
