"""The id that a prediction is known by, in the answer and in everything that follows from it."""

import os
from collections.abc import Callable, Mapping
from typing import Any

from ml_platform.exceptions import RecordRefused

FIELD = "prediction_id"
"""The one field of a record that is not a column of the contract."""

MAX_LENGTH = 128

ALLOWED = (
    f"a text of 1 to {MAX_LENGTH} printable characters, different for each record; "
    "or leave it out and the service makes one"
)


def new_id() -> str:
    """Return a fresh random id: 32 hexadecimal characters, 128 bits."""
    return os.urandom(16).hex()


def prediction_id(record: Mapping[str, Any], *, new: Callable[[], str]) -> str:
    """Return the id that the client sent with the record, or a new one.

    Raises RecordRefused when the client's id is not a short printable text.
    """
    sent = record.get(FIELD)
    if sent is None:
        return new()
    if type(sent) is not str:
        raise RecordRefused(FIELD, "wrong_type", allowed=ALLOWED)
    if len(sent) > MAX_LENGTH:
        raise RecordRefused(FIELD, "too_long", allowed=ALLOWED)
    if not sent or not sent.isprintable():
        raise RecordRefused(FIELD, "not_allowed", allowed=ALLOWED)
    return sent
