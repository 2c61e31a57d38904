from typing import Any

import pytest

from ml_platform.exceptions import RecordRefused
from ml_platform.serving.feedback import Label, labels_of
from ml_platform.spec.serving import LimitsSpec

LIMITS = LimitsSpec(records=3)


def test_label_by_prediction_id_or_by_key():
    assert labels_of({"prediction_id": "a", "label": 1}, LIMITS) == [
        Label("a", None, 1, None, None)
    ]
    assert labels_of({"key": 17, "label": "late", "source": "gate"}, LIMITS) == [
        Label(None, "17", "late", None, "gate")
    ]


def test_time_without_zone_is_utc():
    sent = [
        {"key": "a", "label": 0, "observed_at": "2013-01-31T13:45:00"},
        {"key": "a", "label": 0, "observed_at": "2013-01-31T14:45:00+01:00"},
    ]
    first, second = labels_of(sent, LIMITS)
    assert first.observed_at == second.observed_at == 1359639900.0


@pytest.mark.parametrize(
    ("sent", "field", "reason"),
    [
        ("late", None, "not_an_object"),
        ({"label": 1}, "prediction_id", "missing"),
        ({"key": "a"}, "label", "missing"),
        ({"key": "a", "label": None}, "label", "null"),
        ({"key": "a", "label": [1]}, "label", "wrong_type"),
        ({"key": "a", "label": "x" * 300}, "label", "wrong_type"),
        ({"key": True, "label": 1}, "key", "wrong_type"),
        ({"prediction_id": 5, "label": 1}, "prediction_id", "wrong_type"),
        ({"key": "a", "label": 1, "observed_at": "noon"}, "observed_at", "wrong_type"),
        ({"key": "a", "label": 1, "more": 1}, "more", "unknown_field"),
        ([{"key": "a", "label": 1}] * 4, None, "too_many"),
    ],
)
def test_bad_label_is_refused(sent: Any, field: str | None, reason: str):
    with pytest.raises(RecordRefused) as caught:
        labels_of(sent, LIMITS)
    assert (caught.value.field, caught.value.reason) == (field, reason)


def test_bad_label_in_a_list_names_its_index():
    with pytest.raises(RecordRefused) as caught:
        labels_of([{"key": "a", "label": 1}, {"key": "a"}], LIMITS)
    assert caught.value.index == 1
