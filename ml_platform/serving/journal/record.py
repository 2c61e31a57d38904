"""What the journal says of one prediction or one label: a JSON object in bytes."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import orjson

from ml_platform.serving.journal.sensitive import Sensitive

Scalar = str | int | float | bool | None

PREDICTION = b'{"kind":"prediction"'
FEEDBACK = b'{"kind":"feedback"'

SENT = b'{"kind":"prediction","sent":true,"id":"'
_AFTER_ID = b'","key":'
_OF_SHADOW = b'"role":"shadow"'


def prediction_record(  # noqa: PLR0913 - a value object between would cost as much as the JSON
    *,
    prediction_id: str,
    sent: bool,
    key: str | None,
    at: float,
    features: Mapping[str, Any],
    prediction: Scalar,
    score: float | None,
    scores: Sequence[float] | None,
    version: int,
    role: str,
    latency_us: int,
    request_id: str,
    random: bool = False,
    sensitive: Sensitive | None = None,
) -> bytes:
    """Return the record of one prediction.

    sent: whether the client made the id, so that it may come again; it is then logged once.
    key: what assigned the version; None where nothing but the id did.
    at: seconds since 1970, UTC. features: the fields of the contract as they came.
    score: probability of the positive class, the value of a regression, the highest of several.
    role: "champion", "candidate" or "shadow". random: whether the decision was to be
        made at random, to explore.
    sensitive: what to do with columns that the contract calls sensitive.
    """
    if sensitive is not None:
        features, key = sensitive.features(features), sensitive.key(key)
    record = {
        "kind": "prediction",
        "sent": sent,
        "id": prediction_id,
        "key": key,
        "at": at,
        "features": features,
        "prediction": prediction,
        "score": score,
        "scores": scores,
        "version": version,
        "role": role,
        "latency_us": latency_us,
        "request_id": request_id,
        "random": random,
    }
    return orjson.dumps(record, option=orjson.OPT_SERIALIZE_NUMPY)


def feedback_record(
    *,
    prediction_id: str | None = None,
    key: str | None = None,
    label: Scalar,
    observed_at: float | str | None,
    source: str,
    at: float,
    sensitive: Sensitive | None = None,
) -> bytes:
    """Return the record of one label, known by prediction id or by key.

    observed_at: when the outcome was seen: seconds since 1970 or ISO 8601; None for `at`.
    source: who says so. at: when it came, seconds since 1970, UTC.
    """
    record = {
        "kind": "feedback",
        "prediction_id": prediction_id,
        "key": sensitive.key(key) if sensitive is not None else key,
        "label": label,
        "observed_at": observed_at,
        "source": source,
        "at": at,
    }
    return orjson.dumps(record, option=orjson.OPT_SERIALIZE_NUMPY)


def sent_id(record: bytes) -> bytes | None:
    """Return the id of a prediction record if the client made it, as it stands in the JSON.

    None for a shadow's record: it has the id of the champion's, and is another one.
    A quote inside a JSON text is escaped, so nothing in a text looks like what is searched for.
    """
    if not record.startswith(SENT) or _OF_SHADOW in record:
        return None
    return record[len(SENT) : record.index(_AFTER_ID)]


def kind_of(record: bytes) -> Literal["prediction", "feedback"] | None:
    """Return the kind of a record by its first bytes; None for what is no record of ours."""
    if record.startswith(PREDICTION):
        return "prediction"
    return "feedback" if record.startswith(FEEDBACK) else None
