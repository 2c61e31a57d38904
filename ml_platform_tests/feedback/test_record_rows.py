"""Records as columns: the fast way and the patient one say the same."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_platform.feedback.inference_table import MOMENT
from ml_platform.feedback.labels_received import label_rows
from ml_platform.feedback.record_rows import _fast, _patient, prediction_rows

FIELDS = {
    "age": pa.field("feature_age", pa.int64()),
    "amount": pa.field("feature_amount", pa.float64()),
    "owner": pa.field("feature_owner", pa.bool_()),
    "purpose": pa.field("feature_purpose", pa.string()),
    "since": pa.field("feature_since", MOMENT),
}
FEATURES = {
    "age": 33,
    "amount": 1.5,
    "owner": True,
    "purpose": "car",
    "since": "2026-01-02T03:04:05",
}


def record(**changes: Any) -> bytes:
    plain = {
        "kind": "prediction",
        "sent": False,
        "id": "a",
        "key": "k",
        "at": 1_700_000_000.25,
        "features": FEATURES,
        "prediction": 1,
        "score": 0.5,
        "scores": None,
        "version": 3,
        "role": "champion",
        "latency_us": 40,
        "request_id": "r",
        "random": False,
    }
    return orjson.dumps({**plain, **changes})


def rows(*records: bytes) -> list[dict[str, Any]]:
    segments = pa.array(["w/1"] * len(records), pa.string())
    return prediction_rows(records, FIELDS, segments=segments).table.to_pylist()


def test_record_becomes_typed_columns() -> None:
    assert rows(record()) == [
        {
            "prediction_id": "a",
            "key": "k",
            "time": datetime(2023, 11, 14, 22, 13, 20, 250_000, tzinfo=UTC),
            "prediction": "1",
            "score": 0.5,
            "scores": None,
            "version": 3,
            "role": "champion",
            "latency_us": 40,
            "request_id": "r",
            "random": False,
            "segment": "w/1",
            "feature_age": 33,
            "feature_amount": 1.5,
            "feature_owner": True,
            "feature_purpose": "car",
            "feature_since": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        }
    ]


@pytest.mark.parametrize(
    ("given", "text"),
    [("yes", '"yes"'), (True, "true"), (2, "2"), (2.5, "2.5"), ('a"b', '"a\\"b"')],
)
def test_prediction_is_kept_as_json(given: Any, text: str) -> None:
    assert rows(record(prediction=given))[0]["prediction"] == text


def test_one_odd_record_does_not_spoil_the_others() -> None:
    odd = record(features={**FEATURES, "age": "old"})
    many = rows(record(id="a"), odd, record(id="c", features={**FEATURES, "age": 34.0}))
    assert [row["feature_age"] for row in many] == [33, None, 34]
    found = prediction_rows([odd], FIELDS, segments=pa.array(["w/1"]))
    assert found.unfit == (odd,)


@pytest.mark.parametrize("offset", ["+02:00", "Z"])
def test_time_with_an_offset_is_read(offset: str) -> None:
    [row] = rows(record(features={"since": f"2026-01-02T03:00:00{offset}"}))
    assert row["feature_since"].hour == (1 if offset == "+02:00" else 3)


def test_what_is_no_prediction_is_given_back() -> None:
    broken = [b'{"kind":"prediction"', record(id=7), record(version="x"), record(at=None)]
    found = prediction_rows([*broken, record()], FIELDS, segments=pa.array(["w/1"] * 5))
    assert found.unreadable == tuple(broken)
    assert found.table.num_rows == 1


def test_nothing_is_an_empty_table_of_the_same_columns() -> None:
    empty = prediction_rows([], FIELDS, segments=pa.array([], pa.string()))
    full = prediction_rows([record()], FIELDS, segments=pa.array(["w/1"]))
    assert empty.table.schema == full.table.schema
    assert empty.table.num_rows == 0


regular = st.fixed_dictionaries(
    {
        "id": st.text(max_size=8),
        "key": st.none() | st.text(max_size=4),
        "at": st.floats(0, 4e9),
        "score": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "scores": st.none() | st.lists(st.floats(0, 1), max_size=3),
        "sent": st.booleans(),
        "prediction": st.text(max_size=5),
        "features": st.fixed_dictionaries(
            {},
            optional={
                "age": st.none() | st.integers(-(2**63), 2**63 - 1),
                "amount": st.none() | st.floats(allow_nan=False, allow_infinity=False),
                "owner": st.none() | st.booleans(),
                "purpose": st.none() | st.text(max_size=5),
                "since": st.none() | st.datetimes(datetime(1900, 1, 1)).map(datetime.isoformat),
                "unknown": st.integers(0, 5),
            },
        ),
    }
)


@settings(max_examples=60, deadline=None)
@given(st.lists(regular, min_size=1, max_size=5))
def test_both_ways_say_the_same(many: list[dict[str, Any]]) -> None:
    records = [record(**one) for one in many]
    segments = pa.array(["w/1"] * len(records), pa.string())
    fast, patient = _fast(records, FIELDS, segments), _patient(records, FIELDS, segments)
    assert patient.unreadable == ()
    assert patient.unfit == ()
    if fast is not None:
        assert fast.table.schema == patient.table.schema
        assert fast.sent.to_pylist() == patient.sent.to_pylist()
        for ours, theirs in zip(fast.table.to_pylist(), patient.table.to_pylist(), strict=True):
            apart = abs((ours.pop("time") - theirs.pop("time")).total_seconds())
            assert apart <= 1e-6
            assert ours == theirs


def test_labels_become_columns_and_what_is_none_is_given_back() -> None:
    label = {"kind": "feedback", "prediction_id": "a", "label": "yes", "source": "crm", "at": 5.0}
    found = label_rows(
        [
            orjson.dumps(label),
            orjson.dumps({**label, "observed_at": "2026-01-02T03:00:00+01:00", "label": 0}),
            orjson.dumps({**label, "observed_at": 60, "prediction_id": None, "key": "k"}),
            b'{"kind":"feedback","at":1}',
            b"[]",
        ]
    )
    assert found.table["label"].to_pylist() == ['"yes"', "0", '"yes"']
    assert found.table["observed_at"].to_pylist() == [
        datetime.fromtimestamp(5, UTC),
        datetime(2026, 1, 2, 2, tzinfo=UTC),
        datetime.fromtimestamp(60, UTC),
    ]
    assert found.unreadable == (b'{"kind":"feedback","at":1}', b"[]")
