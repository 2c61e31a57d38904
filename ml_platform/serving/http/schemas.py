"""The fields of a data contract as JSON Schema, and a record that keeps them."""

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]
Field = Mapping[str, Any]

_TYPES = {
    "int64": "integer",
    "float64": "number",
    "bool": "boolean",
    "string": "string",
    "category": "string",
    "datetime": "string",
}
_TEXTS = ("string", "category")
_NUMBERS = ("int64", "float64")
INT64 = 2**63


def record_schema(fields: Mapping[str, Field], *, text: int) -> Schema:
    """Return the schema of one record.

    fields: those of `GET /model`: dtype, nullable, min, max, allowed, pattern, needed.
    text: the most characters that a text may have.

    A field that the model does not read is accepted whatever it holds, as the service does.
    """
    properties = {
        name: field_schema(field, text=text)
        if field["needed"]
        else {"description": "Not read by the model; ignored."}
        for name, field in fields.items()
    }
    properties["prediction_id"] = {
        "type": ["string", "null"],
        "minLength": 1,
        "maxLength": 128,
        "pattern": "^[ -~]+$",
        "description": "Yours, if you have one; it is not logged twice.",
    }
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name, field in fields.items() if field["needed"]],
        "additionalProperties": False,
    }


def field_schema(field: Field, *, text: int) -> Schema:
    """Return the schema of one needed field."""
    dtype, nullable = field["dtype"], field.get("nullable", False)
    schema: Schema = {"type": [_TYPES[dtype], "null"] if nullable else _TYPES[dtype]}
    if dtype in _NUMBERS:
        schema |= _bounds(field, whole=dtype == "int64")
    if dtype in _TEXTS:
        schema["maxLength"] = text
    if dtype == "datetime":
        schema["description"] = "ISO 8601, such as 2013-01-31 or 2013-01-31T13:45:00Z." + _span(
            field
        )
    if "pattern" in field:
        schema["pattern"] = f"^(?:{field['pattern']})$"
    if "allowed" in field:
        schema["enum"] = [*field["allowed"], *([None] if nullable else [])]
    if field.get("description"):
        schema["description"] = " ".join(
            (field["description"], schema.get("description", ""))
        ).strip()
    return schema


def example_record(fields: Mapping[str, Field]) -> dict[str, Any]:
    """Return a record of needed fields made from the contract alone, so it is nobody's data.

    A text with a `pattern` cannot be made up; it stands as an empty text, to be filled in.
    """
    return {name: _example(field) for name, field in fields.items() if field["needed"]}


def _bounds(field: Field, *, whole: bool) -> Schema:
    low, high = field.get("min"), field.get("max")
    bounds: Schema = {"minimum": low} if low is not None else {}
    if high is not None:
        bounds["maximum"] = high
    if whole:
        bounds = {"minimum": -INT64, "maximum": INT64 - 1} | bounds
    return bounds


def _span(field: Field) -> str:
    low, high = field.get("min"), field.get("max")
    return "".join(
        f" {word} {bound}." for word, bound in (("From", low), ("Up to", high)) if bound is not None
    )


def _example(field: Field) -> Any:
    dtype = field["dtype"]
    if "allowed" in field:
        return field["allowed"][0]
    if dtype in _NUMBERS:
        return _number(field.get("min"), field.get("max"), whole=dtype == "int64")
    if dtype == "bool":
        return False
    if dtype == "datetime":
        return str(field.get("min") or field.get("max") or "2024-01-15T12:00:00")
    if field.get("nullable"):
        return None
    return "" if "pattern" in field else "text"


def _number(low: float | None, high: float | None, *, whole: bool) -> float:
    """The middle of the range, or its one end, or 1."""
    if low is not None and high is not None:
        middle = (low + high) / 2
        return int(middle) if whole else middle
    end = low if low is not None else high
    return (int(end) if whole else end) if end is not None else 1
