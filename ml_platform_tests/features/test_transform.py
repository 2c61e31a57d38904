from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml_platform.exceptions import DeclarationError, FeatureError
from ml_platform.features.spec import FeatureSpec
from ml_platform.features.transform import (
    Transform,
    check_row_by_row,
    frame_of_records,
    inputs_of,
    load_transform,
    transformed,
)

RAW = pd.DataFrame({"a": [3.0, 1.0, 2.0], "b": ["x", "y", "x"]}, index=[5, 6, 7])
INPUTS = {"a": "float64", "b": "object"}


def doubled(frame: pd.DataFrame) -> pd.DataFrame:
    frame["double"] = frame.pop("a") * 2
    return frame


def centred(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(centred=frame["a"] - frame["a"].mean())


def test_the_frame_that_is_given_stays_as_it_was():
    before = RAW.copy()
    result = transformed(doubled, RAW, inputs=INPUTS)
    pd.testing.assert_frame_equal(RAW, before)
    assert result["double"].tolist() == [6, 2, 4]


def test_a_transform_sees_the_raw_columns_only():
    seen: list[list[str]] = []

    def look(frame: pd.DataFrame) -> pd.DataFrame:
        seen.append(list(frame.columns))
        return frame

    transformed(look, RAW.assign(late=1), inputs=INPUTS)
    assert seen == [["a", "b"]]


@pytest.mark.parametrize(
    ("transform", "says"),
    [
        (lambda frame: frame["missing"], "raised KeyError: 'missing'"),
        (lambda frame: frame["a"], "returned Series; valid: a DataFrame"),
        (lambda frame: frame.dropna().head(1), "turned 3 rows into 1"),
        (lambda frame: frame.sort_values("a"), "order or the index"),
        (lambda frame: frame.set_index("b"), "order or the index"),
    ],
)
def test_a_wrong_answer_is_refused(transform: Transform, says: str):
    with pytest.raises(FeatureError, match=says):
        transformed(transform, RAW, inputs=INPUTS)


def test_a_missing_raw_column_is_named():
    with pytest.raises(FeatureError, match="needs the columns 'b'"):
        transformed(doubled, RAW[["a"]], inputs=INPUTS)


def test_a_transform_that_looks_at_other_rows_is_refused():
    features = transformed(centred, RAW, inputs=INPUTS)
    with pytest.raises(FeatureError, match=r"'centred' of row 0 as .* alone and as .* among all"):
        check_row_by_row(centred, RAW, features, inputs=INPUTS, columns=["centred"])


def test_a_transform_that_looks_at_one_row_is_let_through():
    raw = RAW.assign(a=[1.0, np.nan, 2.0])
    features = transformed(doubled, raw, inputs=INPUTS)
    check_row_by_row(doubled, raw, features, inputs=INPUTS, columns=["double", "b"])


def test_inputs_are_the_features_or_with_a_transform_all_but_the_target():
    frame = RAW.assign(late=1)
    alone = FeatureSpec(numeric=("a",))
    assert inputs_of(frame, alone, target="late") == {"a": "float64"}
    with_code = FeatureSpec(numeric=("double",), transform="features:build")
    assert inputs_of(frame, with_code, target="late") == INPUTS


def test_records_become_a_frame_of_the_dtypes_of_training():
    inputs = {"i": "Int64", "n": "int64", "t": "datetime64[ns]", "s": "object", "c": "category"}
    records = [
        {"i": None, "n": 1, "t": "2024-01-02T03:04:05", "s": "x", "c": "k", "more": 1},
        {"i": 2, "n": 2.0, "t": pd.Timestamp("2024-01-02"), "s": None, "c": "k"},
    ]
    frame = frame_of_records(records, inputs=inputs)
    found = {str(name): str(dtype) for name, dtype in frame.dtypes.items()}
    assert found == inputs | {"c": "object"}
    assert frame["t"].tolist() == [
        pd.Timestamp("2024-01-02T03:04:05"),
        pd.Timestamp("2024-01-02"),
    ]


@pytest.mark.parametrize(
    ("dtype", "value", "says"),
    [
        ("int64", None, "'x' does not fit int64"),
        ("int64", 1.5, "'x' does not fit int64"),
        ("int64", "a", "'x' does not fit int64"),
        ("bool", None, "null in a column without nulls"),
        ("datetime64[ns]", "yesterday?", "'x' does not fit datetime64"),
    ],
)
def test_a_value_that_does_not_fit_its_dtype_is_refused(dtype: str, value: object, says: str):
    with pytest.raises(FeatureError, match=says.replace("[", r"\[")):
        frame_of_records([{"x": value}], inputs={"x": dtype})


def test_a_record_without_a_raw_column_is_refused():
    with pytest.raises(FeatureError, match="a record lacks 'x'"):
        frame_of_records([{"y": 1}], inputs={"x": "int64"})


def test_a_transform_is_found_beside_the_declaration(tmp_path: Path):
    (tmp_path / "features.py").write_text("def build(frame):\n    return frame\n")
    spec = FeatureSpec(numeric=("a",), transform="features:build")
    transform = load_transform(spec, folder=tmp_path)
    assert transform is not None
    assert transformed(transform, RAW, inputs=INPUTS)["a"].tolist() == [3, 1, 2]
    assert not (tmp_path / "__pycache__").exists()
    assert load_transform(FeatureSpec(numeric=("a",)), folder=tmp_path) is None


def test_a_transform_on_the_import_path_is_not_that_of_the_declaration(tmp_path: Path):
    spec = FeatureSpec(numeric=("a",), transform="copy:copy")
    with pytest.raises(DeclarationError, match=r"copy\.py is not there; 'copy:copy' must lie in"):
        load_transform(spec, folder=tmp_path)
