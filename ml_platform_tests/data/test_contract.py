import json
from typing import Any

import pytest
from pydantic import ValidationError

from ml_platform.data.contract import ColumnContract, Contract


def contract(**changes: Any) -> dict[str, Any]:
    return {"version": 1, "columns": {"a": {"dtype": "int64"}}, **changes}


def test_contract_survives_json():
    declared = Contract.model_validate(
        contract(
            columns={
                "class": {"dtype": "category", "allowed": ["x", 1]},
                "航班": {"dtype": "datetime", "min": "2013-01-01"},
                "n": {"dtype": "float64", "nullable": True, "quantiles": {0.99: [0, 3]}},
            },
            table={"max_age": "45d", "unique": ["class"]},
        )
    )
    assert Contract.model_validate(json.loads(declared.model_dump_json())) == declared


RULES = {"x": {"dtype": "int64", "min": 0}, "k": {"dtype": "float64"}}


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"version": 2, "on_invalid": "quarantine"}, True),
        ({"columns": {**RULES, "x": {**RULES["x"], "description": "for people"}}}, True),
        ({"columns": {**RULES, "x": {**RULES["x"], "nullable": False}}, "table": {}}, True),
        ({"columns": {**RULES, "x": {"dtype": "int64", "min": 1}}}, False),
        ({"columns": {"x": RULES["x"]}}, False),
        ({"max_quarantine_fraction": 0.2}, False),
        ({"table": {"rules": [{"name": "order", "expression": "x < k"}]}}, False),
    ],
)
def test_digest_is_of_what_rows_must_keep_and_of_nothing_else(changes: dict[str, Any], same: bool):
    declared = {"version": 1, "columns": RULES}
    digests = {Contract.model_validate(each).digest for each in (declared, {**declared, **changes})}
    assert (len(digests) == 1) is same


def test_allowed_of_text_is_text():
    assert ColumnContract(dtype="category", allowed=("x", 1)).allowed == ("x", "1")


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ({"dtype": "int"}, "int64"),
        ({"dtype": "category", "allowed": [False, "SE"]}, 'put text in quotes, as in "NO"'),
        ({"dtype": "int64", "allowed": ["x"]}, "not of dtype int64"),
        ({"dtype": "int64", "allowed": []}, "at least 1"),
        ({"dtype": "int64", "min": "x"}, "are numbers"),
        ({"dtype": "int64", "min": 3, "max": 1}, "min 3 is above max 1"),
        ({"dtype": "datetime", "min": "soon"}, "not an ISO date"),
        ({"dtype": "string", "min": 1}, "valid for: datetime, float64, int64"),
        ({"dtype": "int64", "pattern": "x"}, "valid for: category, string"),
        ({"dtype": "string", "pattern": "("}, "not a regular expression"),
        ({"dtype": "string", "mean": [0, 1]}, "`mean` is not for dtype string"),
        ({"dtype": "int64", "mean": [2, 1]}, "is empty; write"),
        ({"dtype": "int64", "quantiles": {2: [0, 1]}}, "not between 0 and 1"),
        ({"dtype": "int64", "max_null_fraction": 0.1}, "needs `nullable: true`"),
        ({"dtype": "int64", "max_nulls": 3}, "needs `nullable: true`"),
        ({"dtype": "int64", "nullable": True, "max_nulls": 0}, "greater than or equal to 1"),
        ({"dtype": "float64", "max": float("inf")}, "finite"),
        ({"dtype": "int64", "colour": 1}, "Extra inputs"),
    ],
)
def test_column_that_cannot_be_is_refused(column: dict[str, Any], words: str):
    with pytest.raises(ValidationError) as caught:
        ColumnContract.model_validate(column)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"columns": {}}, "at least 1"),
        ({"columns": {"_reason": {"dtype": "string"}}}, "cannot be called"),
        ({"table": {"unique": ["b"]}}, "names 'b', which is no column (valid: a)"),
        ({"table": {"rules": [{"name": "r", "expression": "a > b"}]}}, "rule 'r' names 'b'"),
        ({"table": {"rules": [{"name": "r"}]}}, "either `expression` or `function`"),
        ({"table": {"rules": [{"name": "r", "expression": "open(a)"}]}}, "a rule has columns"),
        ({"table": {"rules": [{"name": "r", "expression": "a > 1"}] * 2}}, "two rules"),
        ({"table": {"min_rows": 5, "max_rows": 4}}, "max_rows 4 is below min_rows 5"),
        ({"table": {"max_age": "soon"}}, "not a duration"),
        ({"on_invalid": "drop"}, "'fail' or 'quarantine'"),
        ({"version": 0}, "greater than or equal to 1"),
    ],
)
def test_contract_that_cannot_be_is_refused(changes: dict[str, Any], words: str):
    with pytest.raises(ValidationError) as caught:
        Contract.model_validate(contract(**changes))
    assert words in str(caught.value)
