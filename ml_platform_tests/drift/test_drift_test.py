import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp, wasserstein_distance

from ml_platform.drift.compare import compare
from ml_platform.drift.drift_test import DRIFT_TESTS

NAMES = DRIFT_TESTS.names()


def parse(name, **fields):
    return DRIFT_TESTS.parse({"type": name, **fields})


def normal(rng, rows, shift=0.0):
    return pd.Series(rng.normal(shift, 1, rows), name="x")


def test_index_of_known_shares_is_the_textbook_sum() -> None:
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.4, 0.4, 0.2])
    expected = 0.1 * np.log(0.5 / 0.4) + 0.1 * np.log(0.4 / 0.3)
    assert parse("population_stability").distance(p, q, None) == pytest.approx(expected)
    assert parse("ks_distance").distance(p, q, None) == pytest.approx(0.1)


def test_shares_without_anything_in_common_are_at_distance_one() -> None:
    p, q = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
    assert parse("jensen_shannon").distance(p, q, None) == pytest.approx(1)
    assert parse("ks_distance").distance(p, q, np.array([1.0])) == pytest.approx(1)


def test_distances_of_numbers_are_those_of_scipy_but_for_the_bins() -> None:
    rng = np.random.default_rng(0)
    a, b = normal(rng, 200_000), normal(rng, 200_000, 0.5)
    exact = wasserstein_distance(a, b) / a.std()
    assert parse("wasserstein", bins=100).compare(a, b).value == pytest.approx(exact, rel=0.03)
    exact = ks_2samp(a, b).statistic
    assert parse("ks_distance", bins=100).compare(a, b).value == pytest.approx(exact, rel=0.03)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rows", [1_000, 30_000])
def test_no_shift_is_stable_and_a_shift_of_psi_a_quarter_is_caught(name, rows) -> None:
    rng = np.random.default_rng(1)
    test = parse(name)
    verdicts = [
        test.compare(normal(rng, rows), normal(rng, rows), columns=20, seed=s).verdict
        for s in range(40)
    ]
    assert set(verdicts) == {"stable"}
    verdicts = [
        test.compare(normal(rng, rows), normal(rng, rows, 0.5), columns=20, seed=s).verdict
        for s in range(40)
    ]
    assert set(verdicts) == {"drifted"}


def test_effect_size_does_not_grow_with_rows() -> None:
    rng = np.random.default_rng(2)
    test = parse("population_stability")
    values = [
        test.compare(normal(rng, rows), normal(rng, rows, 0.1)) for rows in (20_000, 1_000_000)
    ]
    assert [v.verdict for v in values] == ["stable", "stable"]
    assert values[0].value == pytest.approx(values[1].value, abs=0.004)
    assert values[1].low > 0, "the shift is there, and does not matter"


def test_too_few_rows_for_the_threshold_are_unclear() -> None:
    rng = np.random.default_rng(3)
    drift = parse("population_stability", threshold=0.05).compare(normal(rng, 100), normal(rng, 90))
    assert drift.verdict == "unclear"


def test_new_category_and_missing_are_bins_of_their_own() -> None:
    a = pd.Series(["x"] * 500 + ["y"] * 500, name="c")
    b = pd.Series(["x"] * 500 + ["z"] * 300 + [None] * 200, name="c")
    drift = parse("population_stability").compare(a, b)
    shares = {share.bin: share.current for share in drift.shares}
    assert shares == {"x": 0.5, "y": 0.0, "z": 0.3, "(missing)": 0.2}
    assert drift.verdict == "drifted"


@pytest.mark.parametrize("name", NAMES)
def test_many_categories_are_no_drift(name) -> None:
    rng = np.random.default_rng(4)
    a, b = (pd.Series(rng.integers(0, 5000, 2000).astype(str), name="c") for _ in range(2))
    assert parse(name).compare(a, b).verdict != "drifted"
    a, b = (pd.Series(rng.integers(0, 5000, 100_000).astype(str), name="c") for _ in range(2))
    assert parse(name).compare(a, b).verdict == "stable"


@pytest.mark.parametrize(
    "values",
    [
        pd.array([1, 2, None, 3] * 300, "Int64"),
        pd.array([True, None, False, True] * 300, "boolean"),
        pd.to_datetime(["2026-01-01", None, "2026-02-01", "2026-03-01"] * 300),
        np.array([0.0, np.inf, np.nan, 2.0] * 300),
    ],
    ids=["Int64", "boolean", "datetime", "infinite"],
)
@pytest.mark.parametrize("name", NAMES)
def test_dtypes_with_nulls_and_infinity_are_compared(name, values) -> None:
    column = pd.Series(values, name="x")
    assert parse(name).compare(column, column.iloc[::-1]).value == 0
    assert parse(name).compare(column, column.mask(column.isna(), column.iloc[0])).value > 0.1


def test_number_against_text_is_unclear_and_says_so() -> None:
    numbers, texts = pd.Series([1.0, 2.0] * 50, name="x"), pd.Series(["a", "b"] * 50, name="x")
    drift = parse("ks_distance").compare(numbers, texts)
    assert drift.verdict == "unclear"
    assert "holds numbers" in drift.reason


def test_column_that_is_not_there_is_unclear() -> None:
    frame = pd.DataFrame({"a": np.arange(100.0)})
    [drift] = compare(frame[[]], frame, test=parse("wasserstein"), columns=["a"])
    assert (drift.verdict, drift.value) == ("unclear", None)
    assert "reference has no such column" in drift.text
