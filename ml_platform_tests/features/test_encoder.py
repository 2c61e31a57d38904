import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ml_platform.exceptions import FeatureError, ModelError
from ml_platform.features.encoder import FeatureEncoder
from ml_platform.features.spec import FeatureSpec

NUMBERS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from([2**53 + 1, -0.0, 1e39])
)
TEXTS = st.sampled_from(["a", "b", "never seen", "1", "1.0", "true", "", "北京", "nan"])
CATEGORIES = st.one_of(TEXTS, st.text(max_size=3), NUMBERS)
NAMES = ("distance", "class", "距离")


def fitted(categories: list[Any], *, most: int = 100) -> FeatureEncoder:
    spec = FeatureSpec(numeric=("n",), categorical=("c",), max_categories=most)
    frame = pd.DataFrame({"n": range(len(categories)), "c": pd.Series(categories, dtype=object)})
    return FeatureEncoder.fit(frame, spec)


MIXED = fitted(["a", "b", "1", 1, 2.5, True, "", None, "北京"])
TEXT = fitted(["a", "b", "1", "1.0", None])
WHOLE = fitted([1, 2, 3, 2**53 + 1])
FLAGS = fitted([True, False])
CAPPED = fitted(["a"] * 3 + ["b"] * 2 + ["c", "1", "d"], most=2)


def records_of(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(st.fixed_dictionaries({"n": NUMBERS, "c": values}), min_size=1, max_size=6)


@pytest.mark.parametrize("encoder", [MIXED, TEXT, WHOLE, FLAGS, CAPPED])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(records=records_of(CATEGORIES))
@example(records=[{"n": 10**400, "c": 10**400}, {"n": -(10**400), "c": None}])
@example(records=[{"n": True, "c": True}, {"n": None, "c": None}])
@example(records=[{"n": 2**53 + 1, "c": 2**53 + 1}, {"n": None, "c": None}])
@example(records=[{"n": 2**64 - 1, "c": 1}, {"n": -1, "c": 1.0}])
def test_records_encode_bit_for_bit_as_a_frame_of_them(
    encoder: FeatureEncoder, records: list[dict[str, Any]]
):
    of_records = encoder.encode_records(records)
    for dtype in (None, object):  # as pandas types the values, and as they are
        try:
            frame = pd.DataFrame(records, dtype=dtype)
        except OverflowError:
            continue  # pandas itself cannot type an integer beyond a float
        of_frame = encoder.encode(frame)
        assert of_records.shape == of_frame.shape
        assert of_records.tobytes() == of_frame.tobytes()


@given(records=records_of(TEXTS), text=st.text(), row=st.integers(0, 5))
@settings(max_examples=50, deadline=None)
def test_text_in_a_number_is_refused_in_both(records: list[dict[str, Any]], text: str, row: int):
    records[row % len(records)]["n"] = text
    for encode in (TEXT.encode_records, lambda rows: TEXT.encode(pd.DataFrame(rows))):
        with pytest.raises(FeatureError, match="numeric feature 'n' holds str"):
            encode(records)


@given(records=records_of(CATEGORIES))
@settings(max_examples=50, deadline=None)
def test_a_record_encodes_alone_as_among_others(records: list[dict[str, Any]]):
    together = MIXED.encode_records(records)
    alone = np.vstack([MIXED.encode_records([record]) for record in records])
    assert alone.tobytes() == together.tobytes()


@given(values=st.lists(CATEGORIES, min_size=1, max_size=8), most=st.integers(1, 4))
@settings(max_examples=100, deadline=None)
def test_json_gives_an_equal_encoder_back(values: list[Any], most: int):
    values = [value for value in values if not (isinstance(value, float) and math.isinf(value))]
    values = [v for v in values if not (type(v) is int and abs(v) > 10**300)]
    encoder = fitted(values, most=most)
    again = FeatureEncoder.from_json(encoder.to_json())
    assert again == encoder
    frame = pd.DataFrame({"n": range(len(values)), "c": pd.Series(values, dtype=object)})
    assert again.encode(frame).tobytes() == encoder.encode(frame).tobytes()


@pytest.mark.parametrize("dtype", ["int8", "int64", "uint64", "Int64", "float32", "Float64", "bool",
                                   "boolean", "object"])  # fmt: skip
def test_a_number_encodes_alike_whatever_its_dtype(dtype: str):
    spec = FeatureSpec(numeric=("n",), categorical=("c",))
    frame = pd.DataFrame({"n": [0, 1], "c": [0, 1]}).astype(dtype)
    matrix = FeatureEncoder.fit(frame, spec).encode(frame)
    assert matrix.tolist() == [[0, 1, 0], [1, 0, 1]]


@pytest.mark.parametrize("dtype", ["object", "category", "string", "string[pyarrow]"])
def test_text_encodes_alike_whatever_its_dtype(dtype: str):
    frame = pd.DataFrame({"c": pd.Series(["b", None, "a"], dtype=dtype)})
    encoder = FeatureEncoder.fit(frame, FeatureSpec(categorical=("c",)))
    assert encoder.names == ("c=a", "c=b")
    assert encoder.encode(frame).tolist() == [[0, 1], [0, 0], [1, 0]]


def test_unknown_and_null_are_zero_in_the_whole_block():
    matrix = TEXT.encode_records([{"n": 1, "c": "never seen"}, {"n": 1, "c": None}])
    assert matrix[:, 1:].sum() == 0


def test_numeric_columns_come_first_then_a_block_a_category():
    frame = pd.DataFrame({"c": ["x", "y"], "n": [1.0, 2.0], "d": [True, False]})
    spec = FeatureSpec(numeric=("n",), categorical=("d", "c"))
    encoder = FeatureEncoder.fit(frame, spec)
    assert encoder.names == ("n", "d=false", "d=true", "c=x", "c=y")
    assert encoder.offsets == (1, 3, 5)
    assert encoder.columns == spec.columns


def test_ten_thousand_categories_keep_the_most_frequent_and_share_the_rest():
    values = [f"k{i}" for i in range(10_000)] + ["k7"] * 5 + ["k3"] * 9
    frame = pd.DataFrame({"c": values})
    encoder = FeatureEncoder.fit(frame, FeatureSpec(categorical=("c",), max_categories=2))
    assert encoder.names == ("c=k3", "c=k7", "c=(other)")
    rows = encoder.encode_records([{"c": "k7"}, {"c": "k8"}, {"c": "never seen"}, {"c": None}])
    assert rows.tolist() == [[0, 1, 0], [0, 0, 1], [0, 0, 1], [0, 0, 0]]
    assert encoder.encode(frame).shape == (10_014, 3)


def test_equally_frequent_categories_are_kept_in_their_order_whatever_that_of_the_rows():
    values = ["d", "b", "a", "c"]
    spec = FeatureSpec(categorical=("c",), max_categories=2)
    encoders = [FeatureEncoder.fit(pd.DataFrame({"c": rows}), spec)
                for rows in (values, values[::-1])]  # fmt: skip
    assert encoders[0] == encoders[1]
    assert encoders[0].names == ("c=a", "c=b", "c=(other)")


def test_columns_named_like_keywords_or_in_chinese_are_columns():
    frame = pd.DataFrame({name: [1.0, 2.0] for name in NAMES} | {"import": ["x", "y"]})
    spec = FeatureSpec(numeric=NAMES, categorical=("import",))
    encoder = FeatureEncoder.fit(frame, spec)
    again = FeatureEncoder.from_json(encoder.to_json())
    records = frame.to_dict("records")
    assert again.encode_records(records).tobytes() == encoder.encode(frame).tobytes()


def test_rows_keep_their_place_whatever_the_index():
    frame = pd.DataFrame({"n": [1.0, 2.0], "c": ["a", "b"]}, index=[9, 9])
    assert TEXT.encode(frame)[:, 0].tolist() == [1, 2]


@pytest.mark.parametrize("values", [[["a"]], [["a"], 1, "1"], [pd.Timestamp(0)], [math.inf]])
def test_values_that_are_no_category_are_refused_in_training_and_unknown_later(values: list[Any]):
    with pytest.raises(FeatureError, match="categorical feature 'c'"):
        fitted(values)
    rows = [{"n": 0, "c": values[0]}]
    matrix = TEXT.encode_records(rows)
    assert matrix.tobytes() == TEXT.encode(pd.DataFrame(rows)).tobytes()
    assert matrix.sum() == 0


def test_a_missing_column_names_those_that_exist():
    with pytest.raises(FeatureError, match="'c' is not a column; the columns are: n"):
        TEXT.encode(pd.DataFrame({"n": [1]}))


def test_two_columns_of_one_name_are_refused():
    with pytest.raises(FeatureError, match="2 columns are named 'n'"):
        TEXT.encode(pd.DataFrame([[1, 2, "a"]], columns=["n", "n", "c"]))


def test_a_record_that_lacks_a_feature_is_named():
    with pytest.raises(FeatureError, match="record 1 lacks 'c'"):
        TEXT.encode_records([{"n": 1, "c": "a"}, {"n": 1}])


def test_a_column_of_dates_as_number_is_refused():
    frame = pd.DataFrame({"n": pd.to_datetime(["2024-01-01"]), "c": ["a"]})
    with pytest.raises(FeatureError, match="Timestamp"):
        TEXT.encode(frame)


def test_no_rows_encode_to_no_rows():
    assert TEXT.encode_records([]).shape == (0, TEXT.width)
    assert TEXT.encode(pd.DataFrame({"n": [], "c": []})).shape == (0, TEXT.width)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"numeric": 1, "categorical": []}'])
def test_damaged_json_is_a_model_error(text: str):
    with pytest.raises(ModelError, match="cannot be read"):
        FeatureEncoder.from_json(text)


def test_json_is_plain_json_without_nan():
    document = json.loads(MIXED.to_json(), parse_constant=pytest.fail)
    assert FeatureEncoder.from_json(json.dumps(document)).to_json() == MIXED.to_json()
