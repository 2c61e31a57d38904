"""Lengths of time as people write them: `45d`, `12h`, `1d12h`, `30m`."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_FORM = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def parse_duration(value: object) -> timedelta:
    """Return the length of time that `value` means.

    >>> parse_duration("1d12h")
    datetime.timedelta(days=1, seconds=43200)

    Raises ValueError unless it is a timedelta, or whole numbers with the units w, d, h, m, s in
    that order.
    """
    if isinstance(value, timedelta):
        return value
    match = _FORM.fullmatch(value) if isinstance(value, str) and value else None
    if match is None:
        raise ValueError(
            f"{value!r} is not a duration; write whole numbers with the units w, d, h, m, s, "
            "largest first, such as 45d or 1d12h"
        )
    seconds = sum(
        int(number) * unit
        for number, unit in zip(match.groups(default="0"), _UNITS.values(), strict=True)
    )
    try:
        return timedelta(seconds=seconds)
    except OverflowError as error:
        raise ValueError(
            f"{value!r} is longer than any calendar; the most is 999999999d"
        ) from error


def format_duration(value: timedelta) -> str:
    """Write a duration the way `parse_duration` reads it; parts of a second are dropped.

    >>> format_duration(timedelta(hours=36))
    '1d12h'
    """
    left = int(value.total_seconds())
    text = ""
    for unit, seconds in list(_UNITS.items())[1:]:
        number, left = divmod(left, seconds)
        text += f"{number}{unit}" if number else ""
    return text or "0s"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["45d", "12h", "30m"]}),
]
"""A pydantic field that reads `1d` and holds a `datetime.timedelta`."""
