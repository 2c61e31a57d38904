import numpy as np
import pandas as pd
import pytest

from ml_platform.drift.bins import Reference
from ml_platform.drift.drift_test import DRIFT_TESTS
from ml_platform.monitoring.columns import ColumnHealth, column_health

PSI = DRIFT_TESTS.parse({"type": "population_stability"})
TEXTS = ("UA", "AA", None, "United")


def health(training: pd.Series, current: pd.Series) -> ColumnHealth:
    return column_health(
        training.rename("c"), current.rename("c"), before=training.rename("c"), test=PSI, columns=1
    )


def drawn(values: tuple[object, ...], chances: tuple[float, ...], seed: int) -> pd.Series:
    rng = np.random.default_rng(seed)
    return pd.Series(np.array(values, dtype=object)[rng.choice(len(values), 2_000, p=chances)])


@pytest.mark.parametrize(
    "training",
    [
        pd.Series(TEXTS * 50, name="c"),
        pd.Series([*range(199), None], name="c"),
        pd.Series([3.0] * 200, name="c"),
        pd.Series([True, False] * 100, name="c"),
        pd.Series(pd.date_range("2026-01-01", periods=200), name="c"),
        pd.Series([None] * 200, name="c", dtype=object),
    ],
)
def test_what_was_counted_of_training_stands_for_its_rows(training: pd.Series) -> None:
    kept = Reference.model_validate_json(PSI.reference(training).model_dump_json())
    assert (kept.rows, kept.null_share) == (200, training.isna().mean())
    assert kept.constant == (training.nunique(dropna=False) == 1)
    for current in (training, training.iloc[::3], training.iloc[:1].repeat(60)):
        of_rows = column_health(training, current, test=PSI, columns=1)
        assert column_health(kept, current, test=PSI, columns=1) == of_rows


@pytest.mark.parametrize("dtype", ["category", "string"])
def test_texts_are_judged_alike_however_pandas_holds_them(dtype: str) -> None:
    training, current = drawn(TEXTS, (0.5, 0.4, 0.1, 0), 1), drawn(TEXTS, (0.3, 0.3, 0.1, 0.3), 2)
    found = health(training, current)
    assert found.unseen_examples == ("United",)
    assert found.drift.verdict == "drifted"
    assert health(training, current.astype(dtype)) == found
    assert health(training.astype(dtype), current) == found


def test_truth_values_with_nulls_are_judged_alike_however_pandas_holds_them() -> None:
    training, current = (drawn((True, False, None), (0.3, 0.6, 0.1), seed) for seed in (1, 2))
    found = health(training, current)
    assert found.drift.verdict == "stable"
    assert health(training.astype("boolean"), current.astype("boolean")) == found


def test_a_category_that_no_row_has_was_not_seen() -> None:
    values = ["AA"] * 60 + ["UA"] * 40
    training = pd.Series(pd.Categorical(values, categories=["AA", "UA", "DL"]))
    current = pd.Series(pd.Categorical(["AA"] * 99 + ["DL"], categories=["AA", "DL", "WN"]))
    found = health(training, current)
    assert (found.unseen, found.unseen_examples) == (0.01, ("DL",))


@pytest.mark.parametrize("value", [0.0, np.nan, "AA", None])
def test_a_column_is_constant_when_all_of_its_rows_are_alike(value: object) -> None:
    other = "UA" if isinstance(value, str | None) else 1.0
    training = pd.Series([value, other] * 500)
    alike = pd.Series([value] * 1_000, dtype=training.dtype)
    assert health(training, alike).constant
    assert not health(training, pd.concat([alike, training[1:2]])).constant
    assert not health(alike, alike).constant
