"""Labels that clients send back, as far as the door can tell whether they are good."""

from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

from ml_platform.exceptions import RecordRefused
from ml_platform.spec.serving import LimitsSpec

FIELDS = ("prediction_id", "key", "label", "observed_at", "source")
_ALLOWED = (
    "an object with prediction_id or key, and label; observed_at and source may be left out; "
    "or a list of such objects"
)
MAX_TEXT = 256
"""Characters of a text in a label."""


class Label(NamedTuple):
    """What came true of a prediction, named by its id or by its key.

    label: a JSON scalar; observed_at: seconds since 1970, None where the client did not tell.
    """

    prediction_id: str | None
    key: str | None
    label: Any
    observed_at: float | None
    source: str | None


def labels_of(content: object, limits: LimitsSpec) -> list[Label]:
    """Return the labels of a body: one object, or a list of them.

    Raises RecordRefused; with the index of the object where there is a list.
    """
    if type(content) is not list:
        return [_label(content)]
    every = cast("list[object]", content)
    if len(every) > limits.records:
        allowed = f"at most {limits.records} labels in one request"
        raise RecordRefused(None, "too_many", allowed=allowed)
    labels: list[Label] = []
    for index, one in enumerate(every):
        try:
            labels.append(_label(one))
        except RecordRefused as refused:
            refused.index = index
            raise
    return labels


def _label(content: object) -> Label:
    if type(content) is not dict:
        raise RecordRefused(None, "not_an_object", allowed=_ALLOWED)
    fields = cast("dict[str, object]", content)
    for name in fields:
        if name not in FIELDS:
            raise RecordRefused(name[:1024], "unknown_field", allowed=_ALLOWED)
    prediction_id = _text(fields, "prediction_id")
    key = _key(fields)
    if prediction_id is None and key is None:
        raise RecordRefused("prediction_id", "missing", allowed=_ALLOWED)
    label = fields.get("label")
    if label is None:
        reason = "null" if "label" in fields else "missing"
        raise RecordRefused("label", reason, allowed="what came true: text, number or boolean")
    if type(label) not in (str, int, float, bool) or (type(label) is str and len(label) > MAX_TEXT):
        raise RecordRefused("label", "wrong_type", allowed="a short text, a number or a boolean")
    return Label(prediction_id, key, label, _time(fields), _text(fields, "source"))


def _text(fields: dict[str, object], name: str) -> str | None:
    value = fields.get(name)
    if value is None:
        return None
    if type(value) is not str or not 0 < len(value) <= MAX_TEXT:
        allowed = f"a text of 1 to {MAX_TEXT} characters"
        raise RecordRefused(name, "wrong_type", allowed=allowed)
    return value


def _key(fields: dict[str, object]) -> str | None:
    """Return the key as predictions have it: a number is the text of it."""
    value = fields.get("key")
    return str(value) if type(value) in (int, float) else _text(fields, "key")


def _time(fields: dict[str, object]) -> float | None:
    value = fields.get("observed_at")
    if value is None:
        return None
    allowed = 'a time such as "2013-01-31T13:45:00Z"; UTC unless it has a zone'
    if type(value) is not str or len(value) > MAX_TEXT:
        raise RecordRefused("observed_at", "wrong_type", allowed=allowed)
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise RecordRefused("observed_at", "wrong_type", allowed=allowed) from None
