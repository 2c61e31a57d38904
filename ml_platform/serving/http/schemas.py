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

    A field that the model does not read may be any single value, as the service has it.
    """
    unread: Schema = {
        "type": ["string", "number", "boolean", "null"],
        "maxLength": text,
        "description": "Not read by the model; logged as it is.",
    }
    properties = {
        name: field_schema(field, text=text) if field["needed"] else dict(unread)
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


_TEXT: Schema = {"type": "string"}
_WHOLE: Schema = {"type": "integer"}


def _object(needed: str, /, **properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": needed.split()}


HEALTH: Schema = _object(
    "status model model_version",
    status={"enum": ["ok", "degraded"], "description": "Degraded services answer, too."},
    model=_TEXT,
    model_version=_TEXT,
    revision=_WHOLE | {"description": "Of the release that this worker serves."},
    trouble={"type": "array", "items": _TEXT, "description": "What is wrong, for people."},
    daemon=_TEXT | {"description": "Since when Dagster's daemon is silent, where it is."},
)
"""What `GET /health` answers."""

_LIVE: Schema = _object(
    "champion candidate stage percent held revision store",
    champion=_WHOLE,
    previous={"type": ["integer", "null"]},
    candidate={"type": ["integer", "null"]},
    candidate_answers={"type": "boolean"},
    cut_out={"type": ["string", "null"], "description": "Why this worker took the candidate out."},
    stage=_TEXT,
    percent={"type": "number", "description": "Of the keys that the candidate answers."},
    held={"type": "boolean"},
    revision=_WHOLE,
    since={"type": ["string", "null"], "description": "ISO 8601."},
    loaded={"type": "array", "items": _WHOLE},
    store=_object("reachable", reachable={"type": "boolean"}, trouble={"type": ["string", "null"]}),
)

MODEL: Schema = _object(
    "model model_version task classes fields release journal",
    model=_TEXT,
    model_version=_TEXT,
    task={"enum": ["binary", "multiclass", "regression"]},
    classes={"type": "array", "description": "Empty for a regression."},
    fields={
        "type": "object",
        "description": "Of a record, by name, as the contract has them.",
        "additionalProperties": _object(
            "dtype needed",
            dtype=_TEXT,
            needed={"type": "boolean", "description": "Whether a record must have it."},
            nullable={"type": "boolean"},
            min={},
            max={},
            allowed={"type": "array"},
            pattern=_TEXT,
            description=_TEXT,
        ),
    },
    scoring={"type": ["object", "null"], "description": "By which code it scores, and the proof."},
    exploration={"type": ["number", "null"], "description": "Percent decided at random."},
    release={"type": "object", "description": "Owner, runs, data, certificate of the version."},
    journal={"description": "How predictions are logged; `off` where they are not."},
    live=_LIVE | {"description": "Of a service that follows the release."},
)
"""What `GET /model` answers."""
