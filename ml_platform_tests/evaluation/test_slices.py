import numpy as np
import pandas as pd
import pytest

from ml_platform.evaluation.slices import slices_of


def counts(column, **limits):
    return {name: len(rows) for name, rows in slices_of(pd.Series(column), **limits)}


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["b", "a", None, "b"], index=[9, 9, 9, 9]),
        pd.Series([3, 1, None, 3], dtype="Int64"),
        pd.Series(np.arange(100.0)).where(lambda s: s % 7 != 0),
        pd.Series(pd.date_range("2024-01-01", periods=100)),
        pd.Series([True, False, True]),
        pd.Series([f"v{i % 40}" for i in range(100)]),
        pd.Series([1, "one", 2.5, None]),
        pd.Series([None, None]),
        pd.Series([], dtype="float64"),
        pd.Series(["a", "b"], dtype="category"),
    ],
)
def test_every_row_is_in_exactly_one_part(column) -> None:
    rows = [rows for _, rows in slices_of(column)]
    found = np.sort(np.concatenate(rows)) if rows else np.array([], int)
    assert np.array_equal(found, np.arange(len(column)))


def test_values_stand_in_their_order_and_the_missing_last() -> None:
    assert list(counts([10, 9, None, 10]).items()) == [("9.0", 1), ("10.0", 2), ("(missing)", 1)]


def test_rare_values_of_a_long_column_join_in_other() -> None:
    column = ["a"] * 5 + ["b"] * 4 + ["c"] * 2 + ["d"]
    assert counts(column, most=2) == {"a": 5, "b": 4, "(other)": 3}


def test_numbers_of_many_values_are_cut_at_their_quantiles() -> None:
    assert list(counts(np.arange(100.0)).values()) == [25, 25, 25, 25]
