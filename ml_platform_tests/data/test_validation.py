from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from ml_platform.data.contract import Contract
from ml_platform.data.validation import Validation, validate
from ml_platform.exceptions import DataError, DeclarationError

NOW = datetime(2013, 4, 1, tzinfo=UTC)


def judged(
    values: dict[str, Any],
    columns: dict[str, Any],
    *,
    folder: Path = Path(),
    event_time: str | None = None,
    **contract: Any,
) -> Validation:
    declared = Contract.model_validate({"version": 1, "columns": columns, **contract})
    frame = pd.DataFrame(values)
    before = frame.copy(deep=True)
    result = validate(frame, declared, event_time=event_time, folder=folder, now=NOW)
    assert_frame_equal(frame, before)
    return result


def broken(result: Validation) -> dict[str, int]:
    return {f"{v.column}/{v.rule}": v.count for v in result.violations}


NUMBER = {"dtype": "float64", "nullable": True}


@pytest.mark.parametrize(
    ("values", "column", "expected"),
    [
        ([1, None, 3.0], {"dtype": "int64"}, {"a/nullable": 1}),
        ([1, "x", 3], {"dtype": "int64"}, {"a/dtype": 1}),
        ([1, 2, 3], {"dtype": "int64", "min": 2}, {"a/min": 1}),
        ([1, 2, 3], {"dtype": "int64", "max": 1}, {"a/max": 2}),
        ([1, None, 9], {"dtype": "int64", "nullable": True, "max": 8}, {"a/max": 1}),
        ([1, 1, 3], {"dtype": "int64", "unique": True}, {"a/unique": 2}),
        ([3, 1, 3], {"dtype": "int64", "unique": True}, {"a/unique": 2}),
        ([None, None, "x"], {"dtype": "string", "nullable": True, "unique": True}, {}),
        ([1, 2, 3], {"dtype": "int64", "allowed": [1, 2]}, {"a/allowed": 1}),
        (["x", "y", 1], {"dtype": "category", "allowed": ["x", 1]}, {"a/allowed": 1}),
        (
            ["x", None, "y"],
            {"dtype": "category", "nullable": True, "allowed": ["x"]},
            {"a/allowed": 1},
        ),
        (["ab", "b", "abc"], {"dtype": "string", "pattern": "a.*"}, {"a/pattern": 1}),
        ([1.0, np.inf, -np.inf], {"dtype": "float64"}, {"a/finite": 2}),
        ([None, np.nan, 1.0], {**NUMBER, "max_null_fraction": 0.5}, {"a/max_null_fraction": 1}),
        ([None, np.nan, 1.0], {**NUMBER, "max_nulls": 1}, {"a/max_nulls": 1}),
        ([None, np.nan, 1.0], {**NUMBER, "max_nulls": 2}, {}),
        ([None, None, None], NUMBER, {"a/all_null": 1}),
        ([None, None, None], {**NUMBER, "max_null_fraction": 1}, {}),
        ([None, None, None], {"dtype": "int64"}, {"a/nullable": 3}),
        ([None] * 3, {**NUMBER, "max_null_fraction": 1, "mean": [0, 1]}, {"a/mean": 1}),
        ([1, 2, 30], {"dtype": "int64", "mean": [0, 5]}, {"a/mean": 1}),
        ([1, 2, 30], {"dtype": "int64", "median": [0, 1]}, {"a/median": 1}),
        ([1, 2, 30], {"dtype": "int64", "stdev": [0, 5]}, {"a/stdev": 1}),
        (
            [1, 2, 30],
            {"dtype": "int64", "quantiles": {0.5: [0, 1], 1: [0, 30]}},
            {"a/quantile_0.5": 1},
        ),
        (
            ["2013-01-01", "2014-01-01", "2015-01-01"],
            {"dtype": "datetime", "max": "2014-01-01"},
            {"a/max": 1},
        ),
        (
            ["2013-01-01", "2013-01-01T00:30+01:00"] * 2,
            {"dtype": "datetime", "min": "2013-01-01"},
            {"a/min": 2},
        ),
        ([True, False, 2], {"dtype": "bool"}, {"a/dtype": 1}),
    ],
)
def test_each_rule_counts_the_rows_that_break_it(
    values: list[Any], column: dict[str, Any], expected: dict[str, int]
):
    result = judged({"a": pd.Series(values)}, {"a": column})
    assert broken(result) == expected
    assert result.passed is (not expected)


def test_all_violations_are_reported_at_once():
    result = judged(
        {"a": [1, -1], "b": ["x", "y"], "c": [1, 2]},
        {
            "a": {"dtype": "int64", "min": 0},
            "b": {"dtype": "category", "allowed": ["x"]},
            "d": {"dtype": "bool"},
        },
        table={"min_rows": 3, "max_rows": 5, "extra_columns": "fail"},
    )
    assert broken(result) == {
        "a/min": 1, "b/allowed": 1, "d/columns": 1, "None/extra_columns": 1, "None/min_rows": 1,
    }  # fmt: skip
    assert "a: min: 1 of 2 rows, such as -1 in row 1 (valid: >= 0)" in result.summary


def test_extra_columns_are_let_go_and_named():
    result = judged({"z": [1], "a": [2]}, {"a": {"dtype": "int64"}})
    assert result.passed
    assert list(result.valid.columns) == ["a"]
    assert result.dropped_columns == ("z",)


def test_doubled_column_is_reported():
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])
    contract = Contract.model_validate({"version": 1, "columns": {"a": {"dtype": "int64"}}})
    result = validate(frame, contract, event_time=None, folder=Path(), now=NOW)
    assert broken(result) == {"a/columns": 1}


def test_empty_table_breaks_min_rows_alone():
    result = judged({"a": pd.Series([], dtype=object)}, {"a": {"dtype": "int64", "min": 0}})
    assert broken(result) == {"None/min_rows": 1}
    assert result.valid.empty


def test_bad_rows_are_kept_apart_with_every_reason():
    result = judged(
        {"a": [1, -1, "x", 4], "b": ["u", "?", "u", "u"]},
        {"a": {"dtype": "int64", "min": 0}, "b": {"dtype": "string", "pattern": "[a-z]"}},
        on_invalid="quarantine",
        max_quarantine_fraction=0.5,
    )
    assert result.passed
    assert_frame_equal(result.valid, pd.DataFrame({"a": [1, 4], "b": ["u", "u"]}))
    assert result.quarantined["a"].tolist() == [-1, "x"]
    assert result.quarantined["_reason"].tolist() == ["a: min; b: pattern", "a: dtype"]
    assert len(result.valid) + len(result.quarantined) == result.rows


def test_too_many_bad_rows_fail_even_in_quarantine():
    result = judged({"a": [1, -1]}, {"a": {"dtype": "int64", "min": 0}}, on_invalid="quarantine")
    assert not result.passed
    assert broken(result) == {"a/min": 1, "None/max_quarantine_fraction": 1}


def test_rules_of_the_table_judge_what_quarantine_leaves():
    columns = {"a": {"dtype": "float64", "max": 10, "mean": [0, 2]}}
    values = {"a": [1.0] * 9 + [1000.0]}
    assert judged(values, columns, on_invalid="quarantine").passed
    assert broken(judged(values, columns)) == {"a/max": 1, "a/mean": 1}
    few = judged(values, columns, on_invalid="quarantine", table={"min_rows": 10})
    assert broken(few) == {"a/max": 1, "None/min_rows": 1}


def test_composite_key_may_not_come_twice_and_ignores_gaps():
    values = {"a": [1, 1, 1, None, None], "b": ["x", "x", "y", "z", "z"]}
    columns = {"a": {"dtype": "int64", "nullable": True}, "b": {"dtype": "string"}}
    result = judged(values, columns, table={"unique": ["a", "b"]})
    assert broken(result) == {"None/unique(a, b)": 2}
    assert result.violations[0].samples[0] == {"row": 0, "a": 1.0, "b": "x"}


def test_expression_rule_is_asked_of_each_row():
    rules = [{"name": "order", "expression": "a <= `class`"}]
    columns = {"a": {"dtype": "int64"}, "class": {"dtype": "int64"}}
    result = judged({"a": [1, 3], "class": [2, 2]}, columns, table={"rules": rules})
    assert broken(result) == {"None/order": 1}
    assert result.violations[0].samples == ({"row": 1, "a": 3, "class": 2},)


def test_expression_over_types_that_do_not_mix_says_so():
    rules = [{"name": "order", "expression": "a + b > 1"}]
    columns = {"a": {"dtype": "int64"}, "b": {"dtype": "datetime"}}
    with pytest.raises(DataError, match="cannot be computed"):
        judged({"a": [1], "b": ["2013-01-01"]}, columns, table={"rules": rules})


def test_function_rule_is_found_in_the_models_folder(tmp_path: Path):
    (tmp_path / "checks.py").write_text("def even(frame):\n    return frame['a'] % 2 == 0\n")
    rules = [{"name": "even", "function": "checks:even"}]
    result = judged(
        {"a": [1, 2]}, {"a": {"dtype": "int64"}}, folder=tmp_path, table={"rules": rules}
    )
    assert broken(result) == {"None/even": 1}
    assert result.valid["a"].tolist() == [2]


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        ("return 1", DataError, "not 2 booleans"),
        ("return frame['a']", DataError, "dtype int64"),
        ("return frame['nope'] > 1", KeyError, "nope"),
    ],
)
def test_function_rule_that_errs_is_not_taken_for_a_verdict(
    tmp_path: Path, body: str, error: type[Exception], words: str
):
    (tmp_path / "checks.py").write_text(f"def rule(frame):\n    {body}\n")
    rules = [{"name": "r", "function": "checks:rule"}]
    with pytest.raises(error, match=words):
        judged({"a": [1, 2]}, {"a": {"dtype": "int64"}}, folder=tmp_path, table={"rules": rules})


def test_old_data_are_refused_by_the_clock_given():
    columns = {"t": {"dtype": "datetime"}}
    fresh = judged({"t": ["2013-03-30"]}, columns, event_time="t", table={"max_age": "3d"})
    assert fresh.passed
    old = judged({"t": ["2013-03-20T00:00Z"]}, columns, event_time="t", table={"max_age": "3d"})
    assert broken(old) == {"t/max_age": 1}
    assert "12d old" in old.violations[0].found


def test_max_age_without_event_time_is_a_wrong_declaration():
    with pytest.raises(DeclarationError, match=r"needs data\.event_time"):
        judged({"a": [1]}, {"a": {"dtype": "int64"}}, table={"max_age": "3d"})


def test_sensitive_column_shows_no_samples():
    result = judged({"a": [1, -987]}, {"a": {"dtype": "int64", "min": 0, "sensitive": True}})
    assert broken(result) == {"a/min": 1}
    assert result.violations[0].samples == ()
    assert "987" not in result.summary


@pytest.mark.parametrize("name", ["class", "航班", "with space", "Ä|b", "None", "_x", "a/min"])
def test_columns_may_have_any_name(name: str):
    result = judged({name: [1, -1]}, {name: {"dtype": "int64", "min": 0, "unique": True}})
    assert broken(result) == {f"{name}/min": 1}


def test_ten_thousand_categories_are_checked_one_by_one():
    names = [f"c{i}" for i in range(10_000)]
    result = judged(
        {"a": [*names, "c10000"]},
        {"a": {"dtype": "category", "allowed": names}},
        on_invalid="quarantine",
    )
    assert result.passed
    assert result.quarantined["a"].tolist() == ["c10000"]
    assert len(result.violations[0].bound) < 300


def test_duplicate_ids_are_all_set_apart():
    result = judged(
        {"id": ["a", "b", "a", "c"]}, {"id": {"dtype": "string", "unique": True}},
        on_invalid="quarantine", max_quarantine_fraction=0.5,
    )  # fmt: skip
    assert result.valid["id"].tolist() == ["b", "c"]


def test_index_of_the_frame_does_not_matter():
    frame = pd.DataFrame({"a": [1, -1, 2]}, index=[7, 7, 7])
    contract = Contract.model_validate(
        {"version": 1, "columns": {"a": {"dtype": "int64", "min": 0}}, "on_invalid": "quarantine",
         "max_quarantine_fraction": 1}
    )  # fmt: skip
    result = validate(frame, contract, event_time=None, folder=Path(), now=NOW)
    assert result.valid["a"].tolist() == [1, 2]
    assert result.violations[0].samples == ({"row": 1, "a": -1},)


def test_clean_columns_are_not_copied():
    values = np.arange(10.0)
    result = judged({"a": values}, {"a": {"dtype": "float64"}})
    frame = pd.DataFrame({"a": values}, copy=False)
    contract = Contract.model_validate({"version": 1, "columns": {"a": {"dtype": "float64"}}})
    shared = validate(frame, contract, event_time=None, folder=Path(), now=NOW).valid
    assert np.shares_memory(shared["a"].to_numpy(), values)
    assert_frame_equal(shared, result.valid)
