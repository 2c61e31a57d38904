"""The contract of a drift test."""

import math

import numpy as np
import pandas as pd

from ml_platform.drift.bins import Reference
from ml_platform.drift.column import ColumnDrift
from ml_platform.drift.drift_test import DRIFT_TESTS, DriftTest


def check_drift_test(test: DriftTest, *, rows: int = 2000, seed: int = 0) -> None:
    """Assert that a drift test keeps its contract, for numbers and for categories.

    It must read a small shift as smaller than a large one, call rows of the same distribution
    stable at any size, never fail on nulls, constants or nothing, and leave the rows alone.
    """
    assert DRIFT_TESTS.parse(test.model_dump(mode="json")) == test, "YAML gives another test"
    rng = np.random.default_rng(seed)
    for kind in ("numbers", "categories"):
        reference = example_column(kind, rows=rows, rng=rng)
        same = test.compare(reference, example_column(kind, rows=rows, rng=rng), seed=seed)
        little = test.compare(reference, example_column(kind, rows=rows, rng=rng, shift=0.4))
        much = test.compare(reference, example_column(kind, rows=rows, rng=rng, shift=2.0))
        assert same.verdict == "stable", same.text
        assert much.verdict == "drifted", much.text
        for smaller, larger in ((same, little), (little, much)):
            assert _value(smaller) < _value(larger), f"{smaller.text}; {larger.text}"
        for drift in (same, little, much):
            _check_result(drift)
        large = example_column(kind, rows=50 * rows, rng=rng)
        assert test.compare(large.iloc[: len(large) // 2], large).verdict == "stable"
        _check_counted(test, reference, much=example_column(kind, rows=rows, rng=rng, shift=2.0))
        _check_nulls(test, reference)
        _check_edges(test, reference)


def example_column(
    kind: str, *, rows: int, rng: np.random.Generator, shift: float = 0.0
) -> pd.Series:
    """Return a column with a twentieth of nulls; `shift` is in standard deviations."""
    numbers = rng.normal(shift, 1, rows)
    column = pd.Series(numbers, name="x")
    if kind != "numbers":
        labels = np.array(list("abcdef"), object)[np.digitize(numbers, [-2, -1, 0, 1, 2])]
        column = pd.Series(labels, name="x")
    return column.mask(rng.integers(0, 20, rows) == 0)


def _check_result(drift: ColumnDrift) -> None:
    assert drift.value is not None
    assert drift.low is not None
    assert drift.high is not None
    assert 0 <= drift.low <= drift.value <= drift.high
    for side in ("reference", "current"):
        total = sum(getattr(share, side) for share in drift.shares)
        assert math.isclose(total, 1, rel_tol=1e-9)
    assert ColumnDrift.model_validate_json(drift.model_dump_json()) == drift


def _check_counted(test: DriftTest, reference: pd.Series, *, much: pd.Series) -> None:
    """What was counted of the reference, and kept as JSON, stands for its rows."""
    kept = Reference.model_validate_json(test.reference(reference).model_dump_json())
    assert test.compare(kept, much) == test.compare(reference, much)


def _check_nulls(test: DriftTest, reference: pd.Series) -> None:
    """Nulls are values too: a column that goes missing has drifted."""
    emptied = reference.mask(np.arange(len(reference)) % 2 == 0)
    assert test.compare(reference, emptied).verdict == "drifted", "half of the rows became null"
    assert test.compare(reference, reference.mask(reference.notna())).verdict == "drifted"


def _check_edges(test: DriftTest, reference: pd.Series) -> None:
    before = reference.copy()
    constant = reference.dropna().iloc[:1].repeat(len(reference)).reset_index(drop=True)
    assert test.compare(constant, constant).verdict == "stable"
    assert test.compare(constant, reference).verdict == "drifted"
    assert test.compare(reference, reference.iloc[:0]).verdict == "unclear"
    assert test.compare(reference.iloc[:0], reference).verdict == "unclear"
    assert test.compare(reference, reference).value == 0
    assert reference.equals(before), "the rows were changed"


def _value(drift: ColumnDrift) -> float:
    assert drift.value is not None
    return drift.value
