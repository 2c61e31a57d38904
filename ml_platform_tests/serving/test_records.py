from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_platform.data.contract import ColumnContract
from ml_platform.exceptions import RecordRefused, ServingError
from ml_platform.serving.records import RecordChecker
from ml_platform.spec.serving import LimitsSpec

COLUMNS = {
    "carrier": ColumnContract(dtype="category", allowed=("UA", "AA")),
    "tail": ColumnContract(dtype="string", pattern=r"N\d+", nullable=True),
    "distance": ColumnContract(dtype="int64", min=17, max=5000),
    "delay": ColumnContract(dtype="float64", nullable=True, max=1e6),
    "cancelled": ColumnContract(dtype="bool"),
    "departure": ColumnContract(dtype="datetime", min="2013-01-01"),
    "note": ColumnContract(dtype="string"),
}
NEEDED = ("delay", "carrier", "tail", "distance", "cancelled", "departure")
GOOD: dict[str, Any] = {
    "carrier": "UA",
    "tail": "N123",
    "distance": 1400,
    "delay": 3.5,
    "cancelled": False,
    "departure": "2013-01-31T13:45:00",
}


@pytest.fixture(scope="module")
def checker() -> RecordChecker:
    return RecordChecker(COLUMNS, NEEDED, limits=LimitsSpec(records=3, text=30))


def refusal(checker: RecordChecker, record: object) -> tuple[str | None, str]:
    with pytest.raises(RecordRefused) as caught:
        checker.check(record)
    assert caught.value.status == 400
    assert caught.value.allowed
    return caught.value.field, caught.value.reason


def test_good_record_is_coerced_in_the_order_of_the_contract(checker: RecordChecker):
    checked = checker.check(dict(reversed(GOOD.items())))

    assert checked == {**GOOD, "departure": datetime(2013, 1, 31, 13, 45)}
    assert list(checked) == ["carrier", "tail", "distance", "delay", "cancelled", "departure"]


@pytest.mark.parametrize(
    ("field", "value", "coerced"),
    [
        ("distance", 1400.0, 1400),
        ("delay", 3, 3.0),
        ("delay", -1e300, -1e300),
        ("delay", None, None),
        ("tail", None, None),
        ("departure", "2013-01-31", datetime(2013, 1, 31)),
        ("departure", "2013-01-31T13:45:00Z", datetime(2013, 1, 31, 13, 45)),
        ("departure", "2013-01-31T13:45:00-05:00", datetime(2013, 1, 31, 18, 45)),
    ],
)
def test_value_that_means_the_same_is_taken(
    checker: RecordChecker, field: str, value: object, coerced: object
):
    checked = checker.check({**GOOD, field: value})[field]

    assert checked == coerced
    assert type(checked) is type(coerced)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("distance", "1400", "wrong_type"),
        ("distance", 1400.5, "wrong_type"),
        ("distance", True, "wrong_type"),
        ("distance", [1400], "wrong_type"),
        ("distance", {"km": 1400}, "wrong_type"),
        ("distance", None, "null"),
        ("distance", 16, "out_of_range"),
        ("distance", 5001, "out_of_range"),
        ("distance", 10**400, "out_of_range"),
        ("distance", 1e300, "out_of_range"),
        ("distance", float("nan"), "not_finite"),
        ("distance", float("inf"), "not_finite"),
        ("delay", "3.5", "wrong_type"),
        ("delay", False, "wrong_type"),
        ("delay", 2e6, "out_of_range"),
        ("delay", 10**400, "out_of_range"),
        ("delay", float("nan"), "not_finite"),
        ("delay", float("-inf"), "not_finite"),
        ("carrier", "ua", "not_allowed"),
        ("carrier", "", "not_allowed"),
        ("carrier", 1, "wrong_type"),
        ("carrier", None, "null"),
        ("tail", "X1", "not_allowed"),
        ("tail", "N1\n", "not_allowed"),
        ("tail", "N" + "1" * 30, "too_long"),
        ("cancelled", 0, "wrong_type"),
        ("cancelled", "false", "wrong_type"),
        ("cancelled", None, "null"),
        ("departure", "yesterday", "wrong_type"),
        ("departure", 1359640000, "wrong_type"),
        ("departure", "2012-12-31T23:59:59", "out_of_range"),
        ("departure", "9999-12-31T23:59:59", "out_of_range"),
        ("departure", "0001-01-01T00:00+23:00", "wrong_type"),
        ("departure", "2013-01-31T13:45:00" + "0" * 20, "too_long"),
    ],
)
def test_bad_value_is_refused_by_field_and_reason(
    checker: RecordChecker, field: str, value: object, reason: str
):
    assert refusal(checker, {**GOOD, field: value}) == (field, reason)


def test_missing_field_is_refused_even_where_null_is_allowed(checker: RecordChecker):
    record = {name: value for name, value in GOOD.items() if name != "delay"}

    with pytest.raises(RecordRefused, match="send null") as caught:
        checker.check(record)
    assert (caught.value.field, caught.value.reason) == ("delay", "missing")


def test_unknown_field_is_refused(checker: RecordChecker):
    assert refusal(checker, {**GOOD, "Distance": 1}) == ("Distance", "unknown_field")


@pytest.mark.parametrize("note", [42, None, True, 1.5, "n" * 30])
def test_column_that_the_model_does_not_read_may_be_any_value(checker: RecordChecker, note: object):
    assert "note" not in checker.check({**GOOD, "note": note, "prediction_id": "p"})


@pytest.mark.parametrize(
    ("note", "reason"), [("n" * 31, "too_long"), (["n"], "wrong_type"), ({"n": 1}, "wrong_type")]
)
def test_column_that_the_model_does_not_read_is_no_larger_than_one_that_it_does(
    checker: RecordChecker, note: object, reason: str
):
    assert refusal(checker, {**GOOD, "note": note}) == ("note", reason)


@pytest.mark.parametrize("record", [None, [], "x", 1, [GOOD]])
def test_record_that_is_no_object_is_refused(checker: RecordChecker, record: object):
    assert refusal(checker, record) == (None, "not_an_object")


def test_refusal_says_what_was_allowed(checker: RecordChecker):
    with pytest.raises(RecordRefused) as caught:
        checker.check({**GOOD, "distance": 1})
    assert caught.value.allowed == "a whole number from 17 up to 5000"
    with pytest.raises(RecordRefused) as caught:
        checker.check({**GOOD, "carrier": "XX"})
    assert caught.value.allowed == 'a text out of "UA", "AA"'


def test_long_list_of_allowed_values_is_cut():
    codes = tuple(f"C{number}" for number in range(10_000))
    checker = RecordChecker({"code": ColumnContract(dtype="category", allowed=codes)}, ["code"])

    with pytest.raises(RecordRefused) as caught:
        checker.check({"code": "x"})
    assert len(caught.value.allowed) < 300
    assert "10000 in all" in caught.value.allowed


def test_bad_record_of_a_batch_tells_its_index(checker: RecordChecker):
    with pytest.raises(RecordRefused) as caught:
        checker.check_all([GOOD, {**GOOD, "distance": 1}])
    assert (caught.value.index, caught.value.field) == (1, "distance")


def test_batch_over_the_limit_is_refused(checker: RecordChecker):
    with pytest.raises(RecordRefused, match="at most 3 records"):
        checker.check_all([GOOD] * 4)


def test_needed_column_must_be_in_the_contract():
    with pytest.raises(ServingError, match="reads altitude, which the contract does not have"):
        RecordChecker(COLUMNS, ["altitude"])


def test_reserved_column_name_is_refused():
    columns = {"prediction_id": ColumnContract(dtype="string")}
    with pytest.raises(ServingError, match="cannot be called prediction_id"):
        RecordChecker(columns, [])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(changes=st.dictionaries(st.sampled_from([*COLUMNS, "x"]), json_values, min_size=1))
def test_any_json_is_either_checked_or_refused(changes: dict[str, object]):
    checker = RecordChecker(COLUMNS, NEEDED)
    try:
        checked = checker.check({**GOOD, **changes})
    except RecordRefused:
        return
    assert set(checked) == set(NEEDED)
    assert all(checked[name] is not None for name in ("carrier", "distance", "cancelled"))


def test_sensitive_column_makes_no_slices():
    columns = {
        "kind": ColumnContract(dtype="category"),
        "origin": ColumnContract(dtype="category", sensitive=True),
        "x": ColumnContract(dtype="float64"),
    }
    assert RecordChecker(columns, columns).categories == ("kind",)
