import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_platform.data.contract import ColumnContract
from ml_platform.exceptions import RecordRefused
from ml_platform.serving.feedback import labels_of
from ml_platform.serving.http.desk import ROUTES
from ml_platform.serving.http.openapi import document
from ml_platform.serving.http.schemas import example_record, field_schema, record_schema
from ml_platform.serving.records import RecordChecker
from ml_platform.spec.serving import JournalSpec, LimitsSpec

FIELDS: dict[str, dict[str, Any]] = {
    "carrier": {"dtype": "category", "allowed": ["UA", "AA"], "needed": True},
    "distance": {"dtype": "int64", "min": 17, "max": 5000, "needed": True},
    "delay": {"dtype": "float64", "nullable": True, "description": "In minutes.", "needed": True},
    "when": {"dtype": "datetime", "min": "2013-01-01", "needed": True},
    "freight": {"dtype": "bool", "needed": True},
    "tail": {"dtype": "string", "nullable": True, "pattern": "N[0-9]+", "needed": True},
    "flight_id": {"dtype": "int64", "needed": False},
}
ABOUT: dict[str, Any] = {
    "model": "flight_delays",
    "model_version": "3",
    "classes": [0, 1],
    "fields": FIELDS,
    "journal": JournalSpec().model_dump(mode="json"),
    "release": {"description": "Late?"},
}


def made(**changes: Any) -> dict[str, Any]:
    about = ABOUT | changes.pop("about", {})
    return document(about, limits=LimitsSpec(), **({"locked": False, "example": None} | changes))


def test_record_has_the_models_own_fields():
    schema = made()["components"]["schemas"]["Record"]

    assert schema["required"] == ["carrier", "distance", "delay", "when", "freight", "tail"]
    assert schema["additionalProperties"] is False
    properties = schema["properties"]
    assert properties["carrier"]["enum"] == ["UA", "AA"]
    assert (properties["distance"]["minimum"], properties["distance"]["maximum"]) == (17, 5000)
    assert properties["delay"] == {"type": ["number", "null"], "description": "In minutes."}
    assert properties["tail"]["pattern"] == "^(?:N[0-9]+)$"
    assert set(properties) == {*FIELDS, "prediction_id"}


def test_example_keeps_the_contract():
    columns = {
        name: ColumnContract.model_validate({k: v for k, v in field.items() if k != "needed"})
        for name, field in FIELDS.items()
    }
    needed = [name for name, field in FIELDS.items() if field["needed"]]

    checked = RecordChecker(columns, needed).check(example_record(FIELDS))
    assert list(checked) == needed
    assert checked["carrier"] in ("UA", "AA")


@given(
    low=st.none() | st.integers(-(10**6), 10**6),
    span=st.none() | st.integers(0, 10**6),
    dtype=st.sampled_from(["int64", "float64"]),
)
def test_example_number_lies_in_its_range(low: int | None, span: int | None, dtype: str):
    bounds = {"min": low, "max": None if span is None else (low or 0) + span}
    field = {"dtype": dtype, "needed": True, **{k: v for k, v in bounds.items() if v is not None}}
    found = example_record({"x": field})["x"]

    assert low is None or found >= low
    assert bounds["max"] is None or found <= bounds["max"]
    assert dtype == "float64" or isinstance(found, int)


def test_nullable_enum_has_null():
    schema = field_schema({"dtype": "string", "allowed": ["a"], "nullable": True}, text=9)
    assert schema == {"type": ["string", "null"], "maxLength": 9, "enum": ["a", None]}


def test_field_that_is_not_read_may_be_any_single_value():
    schema = record_schema(FIELDS, text=9)["properties"]["flight_id"]
    assert schema["type"] == ["string", "number", "boolean", "null"]
    assert schema["maxLength"] == 9


@pytest.mark.parametrize(
    ("classes", "answered"),
    [
        ([0, 1], {"prediction", "prediction_id", "model_version", "probability"}),
        (["a", "b", "c"], {"prediction", "prediction_id", "model_version", "probability",
                           "probabilities"}),
        ([], {"prediction", "prediction_id", "model_version"}),
    ],
)  # fmt: skip
def test_answer_is_that_of_the_task(classes: list[Any], answered: set[str]):
    schema = made(about={"classes": classes})["components"]["schemas"]["Prediction"]
    assert set(schema["required"]) == answered


def test_answer_says_whom_to_decide_at_random_where_exploration_is_declared():
    schema = made(about={"exploration": 2.0})["components"]["schemas"]["Prediction"]
    assert schema["properties"]["explore"]["type"] == "boolean"
    assert "explore" in schema["required"]


def test_keys_are_asked_for_where_they_are_needed():
    def locks(content: dict[str, Any]) -> list[str]:
        return [
            path for path, methods in content["paths"].items()
            if any("security" in operation for operation in methods.values())
        ]  # fmt: skip

    assert locks(made(locked=True)) == ["/predict", "/predict-batch", "/feedback"]
    assert locks(made(locked=False)) == []


@pytest.mark.parametrize(
    ("journal", "told"),
    [
        (JournalSpec().model_dump(), "Answered, and in the journal."),
        (
            JournalSpec(on_full="serve_unlogged").model_dump(),
            "Answered, and in the journal unless that cannot be written.",
        ),
        ("off", "Answered, and logged nowhere: this service keeps no journal."),
    ],
)
def test_an_answer_is_said_to_be_in_the_journal_where_it_is(journal: object, told: str):
    paths = made(about={"journal": journal})["paths"]
    for path in ("/predict", "/predict-batch", "/feedback"):
        assert paths[path]["post"]["responses"]["200"]["description"] == told


def test_every_route_is_documented():
    documented = {
        f"{method.upper()} {path}"
        for path, methods in made()["paths"].items()
        for method in methods
    }
    assert documented == set(ROUTES.split(", "))


def test_a_label_may_be_as_long_as_the_document_says_and_no_longer():
    content = made()
    properties = content["components"]["schemas"]["Label"]["properties"]
    for name in ("prediction_id", "key", "source"):
        most = properties[name]["maxLength"]
        label = {"prediction_id": "a", "label": 1, name: "x" * most}
        assert labels_of(label, LimitsSpec())
        with pytest.raises(RecordRefused):
            labels_of(label | {name: "x" * (most + 1)}, LimitsSpec())


def test_a_list_of_labels_may_be_as_long_as_the_document_says_and_no_longer():
    body = made()["paths"]["/feedback"]["post"]["requestBody"]["content"]["application/json"]
    most = body["schema"]["oneOf"][1]["maxItems"]
    label = {"key": 2.5, "label": 1}
    assert len(labels_of([label] * most, LimitsSpec())) == most
    with pytest.raises(RecordRefused, match="too_many"):
        labels_of([label] * (most + 1), LimitsSpec())


def test_every_reference_leads_somewhere():
    content = made()
    names = set(re.findall(r"#/components/schemas/(\w+)", str(content)))
    assert names == set(content["components"]["schemas"])
