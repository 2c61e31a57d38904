import math
import sys
from datetime import date
from decimal import Decimal
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from ml_platform.exceptions import FeatureError
from ml_platform.features.values import LARGEST, number, readable, token


@pytest.mark.parametrize("null", [None, math.nan, np.float32("nan"), pd.NA, pd.NaT])
def test_null_is_nan_and_no_category(null: object):
    assert math.isnan(number(null, "x"))
    assert token(null) is None


@pytest.mark.parametrize("found", [None, ModuleType("pandas")], ids=["not loaded", "in part"])
def test_pandas_need_not_be_there(found: ModuleType | None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pandas", found)
    assert number(np.float64(3), "x") == 3.0
    assert math.isnan(number(None, "x"))


@pytest.mark.parametrize("one", [1, 1.0, True, np.int64(1), np.float32(1), np.True_, Decimal(1)])
def test_one_is_one_however_it_is_typed(one: object):
    assert number(one, "x") == 1.0
    assert token(one) == 1.0


@pytest.mark.parametrize("large", [math.inf, 1e300, 10**400, Decimal("1e500")])
def test_what_lies_beyond_a_float32_is_held_at_its_largest(large: float):
    assert number(large, "x") == LARGEST
    assert number(-large, "x") == -LARGEST


@pytest.mark.parametrize("value", ["12", b"1", [1], 1j, date(2024, 1, 1), pd.Timestamp(0)])
def test_what_is_no_number_is_refused_with_its_column(value: object):
    with pytest.raises(FeatureError, match="numeric feature 'x' holds"):
        number(value, "x")


@pytest.mark.parametrize("value", [b"1", [1], 1j, pd.Timestamp(0), math.inf, 10**400])
def test_what_is_no_category_has_no_token(value: object):
    assert token(value) is None


def test_text_that_looks_like_a_number_is_another_category():
    assert token("1") != token(1)


@pytest.mark.parametrize(
    ("value", "written"), [(np.int64(3), 3), (3.0, 3), (0.5, 0.5), (True, True), ("a", "a")]
)
def test_categories_are_written_as_people_write_them(value: object, written: object):
    assert repr(readable(value)) == repr(written)
    assert token(written) == token(value)
