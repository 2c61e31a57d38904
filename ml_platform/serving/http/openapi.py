"""The OpenAPI 3.1 document of a service: its routes, in the terms of its own model."""

from collections.abc import Mapping
from typing import Any

from ml_platform.serving.feedback import MAX_TEXT
from ml_platform.serving.http.schemas import HEALTH, MODEL, Schema, example_record, record_schema
from ml_platform.spec.serving import LimitsSpec

_REFUSED = {
    "400": "The request is at fault: `field` says where, `reason` why, `allowed` what is right.",
    "408": "The request did not arrive in time.",
    "413": "The body is too large.",
    "431": "The headers are too large.",
    "500": "A fault of the service; its log has the traceback.",
    "503": "Not now: overloaded, the journal cannot be written, or the model cannot answer.",
}
_LOCKED = {
    "401": "An API key is needed, and this is none that the service knows.",
    "403": "A service that listens beyond its machine takes this only with an API key.",
}
_ANSWERED_ALWAYS = ("400", "408", "431", "500")


def document(
    about: Mapping[str, Any], *, limits: LimitsSpec, locked: bool, example: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the document.

    about: what `GET /model` answers.
    locked: API keys are configured, so that every POST needs one.
    example: a record; made up from the contract where there is none.
    """
    record = dict(example) if example else example_record(about["fields"])
    logged = _logged(about["journal"])
    return {
        "openapi": "3.1.0",
        "info": {
            "title": about["model"],
            "version": str(about["model_version"]),
            "description": about.get("release", {}).get("description") or _summary(about),
        },
        "servers": [{"url": "."}],
        "paths": {
            "/predict": {"post": _predict(record, logged, locked=locked)},
            "/predict-batch": {"post": _batch(record, logged, locked=locked)},
            "/feedback": {"post": _feedback(limits, logged, locked=locked)},
            "/health": {
                "get": _told("health", "Is the model loaded, and which version is it?", HEALTH)
            },
            "/model": {"get": _told("model", "What is served: fields, classes, release.", MODEL)},
            "/metrics": {"get": _shown("metrics", "What all workers counted.", "text/plain")},
            "/openapi.json": {"get": _told("openapi", "This document.", {"type": "object"})},
            "/docs": {"get": _shown("docs", "A page on which it can be tried.", "text/html")},
        },
        "components": {
            "schemas": {
                "Record": record_schema(about["fields"], text=limits.text) | {"examples": [record]},
                "Batch": _of("Record", "records", most=limits.records),
                "Prediction": _prediction(about),
                "Predictions": _predictions(limits),
                "Label": _label(about),
                "Error": _error(),
            },
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def _summary(about: Mapping[str, Any]) -> str:
    return f"Predictions of {about['model']}, version {about['model_version']}."


def _logged(journal: Mapping[str, Any] | str) -> str:
    """Say what an answer means for the journal: as it is declared, or `off`."""
    if isinstance(journal, str):
        return "Answered, and logged nowhere: this service keeps no journal."
    if journal["on_full"] == "serve_unlogged":
        return "Answered, and in the journal unless that cannot be written."
    return "Answered, and in the journal."


def _predict(record: dict[str, Any], logged: str, *, locked: bool) -> Schema:
    return _posted(
        "predict", "Predict one record", _ref("Record"), _ref("Prediction"), logged, locked=locked,
        example=record,
    )  # fmt: skip


def _batch(record: dict[str, Any], logged: str, *, locked: bool) -> Schema:
    return _posted(
        "predict_batch", "Predict several records; one bad record refuses them all",
        _ref("Batch"), _ref("Predictions"), logged, locked=locked, example={"records": [record]},
    )  # fmt: skip


def _feedback(limits: LimitsSpec, logged: str, *, locked: bool) -> Schema:
    every = {"type": "array", "items": _ref("Label"), "maxItems": limits.records}
    body = {"oneOf": [_ref("Label"), every]}
    answer = {
        "type": "object", "properties": {"accepted": {"type": "integer"}}, "required": ["accepted"],
    }  # fmt: skip
    operation = _posted(
        "feedback", "Tell what came true, for one prediction or a list of them", body, answer,
        logged, locked=locked, example={"prediction_id": "9f2c", "label": 1},
    )  # fmt: skip
    operation["responses"] |= _errors(_LOCKED)
    return operation


def _posted(
    name: str,
    summary: str,
    body: Schema,
    answer: Schema,
    logged: str,
    *,
    locked: bool,
    example: Any,
) -> Schema:
    operation: Schema = {
        "operationId": name,
        "summary": summary,
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": body, "example": example}},
        },
        "responses": {"200": _answer(logged, answer), **_errors(_REFUSED)},
    }
    if locked:
        operation["security"] = [{"bearer": []}, {"header": []}]
        operation["responses"] |= _errors({"401": _LOCKED["401"]})
    return operation


def _told(name: str, summary: str, answer: Schema) -> Schema:
    kept = {status: _REFUSED[status] for status in _ANSWERED_ALWAYS}
    return {
        "operationId": name,
        "summary": summary,
        "responses": {"200": _answer("Told.", answer), **_errors(kept)},
    }


def _shown(name: str, summary: str, media_type: str) -> Schema:
    """A route that answers with a text of another kind than JSON."""
    told = _told(name, summary, {})
    shown = {"description": "Told.", "content": {media_type: {"schema": {"type": "string"}}}}
    return told | {"responses": told["responses"] | {"200": shown}}


def _answer(description: str, schema: Schema) -> Schema:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _errors(told: Mapping[str, str]) -> Schema:
    return {status: _answer(text, _ref("Error")) for status, text in told.items()}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _of(name: str, field: str, *, most: int) -> Schema:
    return {
        "type": "object",
        "properties": {field: {"type": "array", "items": _ref(name), "maxItems": most}},
        "required": [field],
        "additionalProperties": False,
    }


def _prediction(about: Mapping[str, Any]) -> Schema:
    properties: Schema = {
        "prediction": {"enum": about["classes"]} if about["classes"] else {"type": "number"},
        "prediction_id": {"type": "string"},
        "model_version": {"type": "string"},
    }
    if about.get("exploration") is not None:
        properties["explore"] = {
            "type": "boolean",
            "description": "Decide this one at random, whatever is predicted.",
        }
    share = {"type": "number", "minimum": 0, "maximum": 1}
    if about["classes"]:
        properties["probability"] = share
    if len(about["classes"]) > 2:
        names = [str(label) for label in about["classes"]]
        properties["probabilities"] = {
            "type": "object", "properties": dict.fromkeys(names, share), "required": names,
        }  # fmt: skip
    return {"type": "object", "properties": properties, "required": list(properties)}


def _predictions(limits: LimitsSpec) -> Schema:
    schema = _of("Prediction", "predictions", most=limits.records)
    schema["properties"]["model_version"] = {"type": "string"}
    return schema | {"required": ["predictions", "model_version"]}


def _label(about: Mapping[str, Any]) -> Schema:
    text = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}
    return {
        "type": "object",
        "properties": {
            "prediction_id": text,
            "key": text | {"type": ["string", "number"]},
            "label": {"enum": about["classes"]} if about["classes"] else {"type": "number"},
            "observed_at": {
                "type": "string",
                "maxLength": MAX_TEXT,
                "description": "ISO 8601; now unless given.",
            },
            "source": text,
        },
        "required": ["label"],
        "anyOf": [{"required": ["prediction_id"]}, {"required": ["key"]}],
        "additionalProperties": False,
    }


def _error() -> Schema:
    text = {"type": "string"}
    return {
        "type": "object",
        "properties": {
            "error": {
                "type": "object",
                "properties": {
                    "field": {"type": ["string", "null"]},
                    "reason": text,
                    "allowed": text,
                    "index": {"type": "integer", "description": "Of the record in a batch."},
                },
                "required": ["field", "reason", "allowed"],
            }
        },
        "required": ["error"],
    }
