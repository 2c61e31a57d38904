from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from ml_platform.data.contract import Contract
from ml_platform.data.schema import pandera_schema

CONTRACT = Contract.model_validate(
    {
        "version": 1,
        "columns": {
            "a": {"dtype": "int64", "min": 0, "mean": [0, 5]},
            "class": {"dtype": "category", "allowed": ["x"]},
        },
        "table": {"unique": ["a"], "min_rows": 2},
    }
)


def schema():
    return pandera_schema(
        CONTRACT, event_time=None, folder=Path(), now=datetime(2013, 1, 1, tzinfo=UTC)
    )


def test_contract_is_a_pandera_schema_of_named_checks():
    declared = schema()
    names = {check.name for column in declared.columns.values() for check in column.checks}
    assert names == {"a/nullable", "a/min", "a/mean", "class/nullable", "class/allowed"}
    assert {check.name for check in declared.checks} == {"/unique(a)", "/min_rows"}


def test_schema_accepts_what_keeps_the_contract():
    frame = pd.DataFrame({"a": [1, 2], "class": ["x", "x"]})
    pd.testing.assert_frame_equal(schema().validate(frame), frame)


def test_schema_names_every_check_that_fails():
    import pandera.errors as pe

    frame = pd.DataFrame({"a": [-1], "class": ["y"]})
    with pytest.raises(pe.SchemaErrors) as caught:
        schema().validate(frame, lazy=True)
    failed = {error.check.name for error in caught.value.schema_errors}
    assert failed == {"a/min", "a/mean", "class/allowed", "/min_rows"}


def test_schema_demands_the_columns():
    import pandera.errors as pe

    with pytest.raises(pe.SchemaError, match="class"):
        schema().validate(pd.DataFrame({"a": [1, 2]}))
