import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_platform.data.contract import Contract
from ml_platform.data.expectations import ImportedSuite, import_suite
from ml_platform.data.validation import validate
from ml_platform.exceptions import DeclarationError

NOW = pd.Timestamp("2024-01-01")
SUITE = json.loads((Path(__file__).parent / "taxi_suite.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def taxi() -> ImportedSuite:
    return import_suite(SUITE)


def suite(*expectations: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """A suite as Great Expectations 1.x writes it."""
    listed = [{"type": kind, "kwargs": kwargs} for kind, kwargs in expectations]
    return {"name": "made_up", "expectations": listed, "meta": {}}


def column(*expectations: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """What the expectations about the column x become."""
    named = ((kind, {"column": "x", **kwargs}) for kind, kwargs in expectations)
    return import_suite(suite(*named)).declared["columns"]["x"]


def reason(kind: str, **kwargs: Any) -> str:
    imported = import_suite(suite((kind, kwargs), ("expect_column_to_exist", {"column": "x"})))
    [remark] = imported.left_out
    return remark.why


def test_realistic_suite_becomes_a_valid_contract(taxi):
    assert Contract.model_validate(taxi.declared) == taxi.contract
    columns = taxi.declared["columns"]
    assert columns["trip_id"] == {"dtype": "string", "unique": True, "pattern": r"T-\d{6}"}
    assert columns["fare"] == {
        "dtype": "float64",
        "nullable": True,
        "max": 500,
        "mean": [5, 40],
        "median": [4, 30],
        "stdev": [0.0, 90],
        "quantiles": {0.05: [-1e300, 10], 0.95: [20, 120]},
    }
    assert columns["passengers"] == {"dtype": "int64", "nullable": True, "min": 1, "max": 6}
    assert columns["tip"]["max_null_fraction"] == 0.05
    assert columns["paid_by"]["allowed"] == ["cash", "card", "no"]
    assert columns["dropoff_at"]["dtype"] == "datetime"
    table = taxi.contract.table
    assert (table.min_rows, table.max_rows, table.extra_columns) == (1000, 20000, "fail")
    assert table.unique == ("vendor", "pickup_at")
    assert [rule.expression for rule in table.rules] == [
        "dropoff_at >= pickup_at",
        "`rate code` not in ['99']",
        "fare > 0",
    ]


def test_what_is_lost_is_said_with_its_place_and_why(taxi):
    assert (taxi.expectations, taxi.carried) == (28, 22)
    lost = {remark.number: str(remark) for remark in taxi.left_out}
    assert list(lost) == [12, 24, 25, 26, 27, 28]
    assert "0.99 of the values only" in lost[12]
    assert "contract_drift" in lost[24]
    assert "least_tip" not in lost[26]
    assert "parameter" in lost[26]
    assert 'paid_by == "card"' in lost[27]
    assert "`pattern` is not for dtype int64" in lost[28]
    assert [remark.number for remark in taxi.differences] == [13, 20]
    assert "dropoff_at: dtype datetime, as pickup_at, which it is compared with" in taxi.assumed
    assert "total: dtype string, nothing in the suite tells" in taxi.assumed


def test_contract_judges_rows_as_the_suite_would():
    rows = 1200
    frame = pd.DataFrame(
        {
            "trip_id": [f"T-{i:06d}" for i in range(rows)],
            "vendor": 1,
            "pickup_at": pd.date_range("2024-01-01", periods=rows, freq="min"),
            "passengers": 2,
            "distance": 3.0,
            "fare": np.where(np.arange(rows) % 10 == 0, 60.0, 9.0),
            "tip": 1.0,
            "total": 11.0,
            "paid_by": "card",
            "rate code": "1",
            "flag": None,
        }
    )
    frame["dropoff_at"] = frame["pickup_at"] + pd.Timedelta(minutes=9)
    known = {"tip": "float64", "total": "float64", "distance": "float64"}
    contract = import_suite(SUITE, dtypes=known).contract

    def broken(changed: pd.DataFrame) -> set[tuple[str | None, str]]:
        found = validate(
            changed, contract, event_time=None, folder=Path(), now=pd.Timestamp("2024-03-01")
        )
        return {(violation.column, violation.rule) for violation in found.violations}

    assert broken(frame) == set()
    frame.loc[3, "fare"] = 0.0
    frame.loc[4, "passengers"] = 0
    frame.loc[5, "dropoff_at"] = pd.Timestamp("2023-12-31")
    frame.loc[6, "rate code"] = "99"
    frame["extra"] = 1
    assert broken(frame) == {
        (None, "fare_above_bound"),
        ("passengers", "min"),
        (None, "dropoff_at_above_pickup_at"),
        (None, "rate code_not_in_set"),
        (None, "extra_columns"),
    }


def test_both_forms_of_a_suite_give_the_same_contract():
    kwargs = {"column": "x", "min_value": 1, "max_value": 5}
    kind = "expect_column_values_to_be_between"
    old = {
        "expectation_suite_name": "s",
        "expectations": [{"expectation_type": kind, "kwargs": kwargs}],
    }
    new = {"name": "s", "expectations": [{"type": kind, "kwargs": kwargs, "id": "1"}]}
    assert import_suite(old) == import_suite(new)


def test_missing_values_become_a_fraction():
    not_null, null = "expect_column_values_to_not_be_null", "expect_column_values_to_be_null"
    assert column((not_null, {})) == {"dtype": "string"}
    assert column((not_null, {"mostly": 0.9}))["max_null_fraction"] == 0.1
    assert column((null, {"mostly": 0.9}))["max_null_fraction"] == 1
    assert column((null, {}), (not_null, {"mostly": 0.25}))["max_null_fraction"] == 0.75
    share = "expect_column_proportion_of_non_null_values_to_be_between"
    assert column((share, {"min_value": 0.97}))["max_null_fraction"] == 0.03


NULL_COUNT = "expect_column_null_count_to_be_between"


@pytest.mark.parametrize("rows", [6, 100, 10_000])
def test_null_count_is_carried_over_as_the_number_of_rows_that_it_is(rows: int):
    found = import_suite(suite((NULL_COUNT, {"column": "x", "max_value": 5})))
    assert (found.left_out, found.differences) == ((), ())
    contract = Contract.model_validate(found.declared)
    for missing, holds in ((5, True), (6, False)):
        frame = pd.DataFrame({"x": [None] * missing + ["a"] * (rows - missing)})
        judged = validate(frame, contract, event_time=None, folder=Path(), now=NOW)
        assert judged.passed is holds, judged.summary


def test_null_count_stands_beside_what_else_is_said_of_missing_values():
    count, not_null = (NULL_COUNT, {"max_value": 5}), "expect_column_values_to_not_be_null"
    both = column(count, (not_null, {"mostly": 0.9}))
    assert (both["max_nulls"], both["max_null_fraction"]) == (5, 0.1)
    assert column(count, (not_null, {})) == {"dtype": "string"}
    assert column(count, (NULL_COUNT, {"max_value": 3}))["max_nulls"] == 3
    assert column((NULL_COUNT, {"max_value": 5, "strict_max": True}))["max_nulls"] == 4
    assert column((NULL_COUNT, {"max_value": 0})) == {"dtype": "string"}


def test_number_of_values_that_have_to_be_missing_is_told():
    [fewer] = import_suite(
        suite((NULL_COUNT, {"column": "x", "min_value": 1, "max_value": 5}))
    ).differences
    assert fewer.why == "fewer missing values than that are valid too"
    for bounds in ({"min_value": 1}, {"max_value": 0, "strict_max": True}, {"max_value": math.inf}):
        [left_out] = import_suite(suite((NULL_COUNT, {"column": "x", **bounds}))).left_out
        assert "missing" in left_out.why or "not a number" in left_out.why


def test_several_claims_about_a_column_are_kept_together():
    between = "expect_column_values_to_be_between"
    both = column((between, {"min_value": 0, "max_value": 9}), (between, {"min_value": 3}))
    assert (both["min"], both["max"]) == (3, 9)
    regex = "expect_column_values_to_match_regex"
    lengths = ("expect_column_value_lengths_to_be_between", {"min_value": 2, "max_value": 3})
    pattern = column((regex, {"regex": "^[a-z]+$"}), lengths)["pattern"]
    found = pd.DataFrame({"x": ["a", "ab", "abc", "abcd", "AB"]})
    contract = Contract.model_validate(
        {"version": 1, "columns": {"x": {"dtype": "string", "pattern": pattern}}}
    )
    [violation] = validate(
        found, contract, event_time=None, folder=Path(), now=pd.Timestamp("2024-01-01")
    ).violations
    assert [sample["x"] for sample in violation.samples] == ["a", "abcd", "AB"]


def test_claims_that_exclude_each_other_leave_the_later_out():
    sets = [{"value_set": ["a"]}, {"value_set": ["b"]}]
    kind = "expect_column_values_to_be_in_set"
    imported = import_suite(suite(*((kind, {"column": "x", **each}) for each in sets)))
    assert imported.declared["columns"]["x"]["allowed"] == ["a"]
    assert [remark.number for remark in imported.left_out] == [2]


@pytest.mark.parametrize(
    ("kind", "kwargs", "why"),
    [
        ("expect_column_values_to_be_between", {"column": "x"}, "no bound"),
        ("expect_column_values_to_be_in_set", {"column": "x", "value_set": []}, "not a list"),
        ("expect_column_values_to_be_of_type", {"column": "x", "type_": "blob"}, "not known"),
        ("expect_column_values_to_be_in_type_list",
         {"column": "x", "type_list": ["int64", "str"]}, "several kinds"),
        ("expect_column_values_to_match_regex", {"column": "x", "regex": "("}, "no regular"),
        ("expect_column_values_to_be_unique", {}, "`column` is None"),
        ("expect_something_of_our_own", {"column": "x"}, "no such rule"),
        ("expect_column_values_to_not_be_in_set",
         {"column": "x", "value_set": [None]}, "a rule has"),
    ],
)  # fmt: skip
def test_what_cannot_be_carried_over_says_why(kind, kwargs, why):
    assert why in reason(kind, **kwargs)


def test_a_warning_and_unknown_arguments_are_told():
    written = suite(("expect_column_values_to_be_unique", {"column": "x", "own": 1}))
    written["expectations"][0]["severity"] = "warning"
    said = [remark.why for remark in import_suite(written).differences]
    assert said == ["not looked at: own", "its severity is warning; a contract blocks"]


@pytest.mark.parametrize(
    ("document", "what"),
    [
        ([], "list, not a mapping"),
        ({"results": []}, "found results"),
        ({"expectations": [1]}, "expectation 1 is int"),
        ({"expectations": [{"kwargs": {}}]}, "found kwargs"),
        ({"expectations": []}, "names no column"),
    ],
)
def test_what_is_no_suite_is_refused(document, what):
    with pytest.raises(DeclarationError, match=what):
        import_suite(document)
