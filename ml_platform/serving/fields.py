"""How one field of a record is checked: a plain function for each column of the contract.

The functions are made once, when the service starts, and close over their bounds, so that a
request pays for nothing but comparisons.
"""

import re
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ml_platform.exceptions import RecordRefused

if TYPE_CHECKING:  # importing it would bring pandas
    from ml_platform.data.contract import ColumnContract

Scalar = bool | int | float | str | datetime | None
Check = Callable[[object], Scalar]
Refuse = Callable[[str], RecordRefused]

_LARGEST_FLOAT = sys.float_info.max
_LARGEST_EXACT = 2.0**53
_EARLIEST, _LATEST = datetime(1677, 9, 22), datetime(2262, 4, 11)  # what 64 bits of ns hold
_SHOWN = 20


def field_check(name: str, column: "ColumnContract", *, max_text: int) -> Check:
    """Return the function that gives a field's value as the model wants it.

    The function raises RecordRefused with one of the reasons of docs/http-api.md.
    max_text: characters in a text.
    """
    allowed = describe(column)

    def refuse(reason: str) -> RecordRefused:
        return RecordRefused(name, reason, allowed=allowed)

    check = _checks()[column.dtype](column, refuse, max_text)
    if column.allowed is not None:
        check = _member(check, column.allowed, refuse)
    return _nullable(check, column.nullable, refuse)


def describe(column: "ColumnContract") -> str:
    """Return what a field may hold, in words."""
    kind = {
        "int64": "a whole number",
        "float64": "a number",
        "bool": "true or false",
        "string": "a text",
        "category": "a text",
        "datetime": 'a time such as "2013-01-31T13:45:00"',
    }[column.dtype]
    parts = [kind]
    if column.min is not None:
        parts.append(f"from {column.min}")
    if column.max is not None:
        parts.append(f"up to {column.max}")
    if column.pattern is not None:
        parts.append(f"that matches {column.pattern}")
    if column.allowed is not None:
        parts.append(f"out of {listed(map(_quoted, column.allowed))}")
    return " ".join(parts) + (", or null" if column.nullable else "")


def listed(values: Iterable[str]) -> str:
    """Join values for a person; a long list is cut, and says so."""
    every = list(values)
    more = f", ... ({len(every)} in all, see GET /model)" if len(every) > _SHOWN else ""
    return ", ".join(every[:_SHOWN]) + more


def _quoted(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def _checks() -> dict[str, Callable[["ColumnContract", Refuse, int], Check]]:
    return {
        "int64": _whole_number,
        "float64": _number,
        "bool": _boolean,
        "string": _text,
        "category": _text,
        "datetime": _time,
    }


def _nullable(check: Check, nullable: bool, refuse: Refuse) -> Check:
    def optional(value: object) -> Scalar:
        return None if value is None else check(value)

    def required(value: object) -> Scalar:
        if value is None:
            raise refuse("null")
        return check(value)

    return optional if nullable else required


def _member(check: Check, allowed: Iterable[Scalar], refuse: Refuse) -> Check:
    members = frozenset(allowed)

    def member(value: object) -> Scalar:
        checked = check(value)
        if checked not in members:
            raise refuse("not_allowed")
        return checked

    return member


def _number(column: "ColumnContract", refuse: Refuse, _: int) -> Check:
    low = -_LARGEST_FLOAT if column.min is None else float(column.min)
    high = _LARGEST_FLOAT if column.max is None else float(column.max)

    def number(value: object) -> Scalar:
        if type(value) is not float and type(value) is not int:
            raise refuse("wrong_type")
        try:
            checked = float(value)
        except OverflowError:
            raise refuse("out_of_range") from None
        if low <= checked <= high:
            return checked
        raise refuse("out_of_range" if abs(checked) <= _LARGEST_FLOAT else "not_finite")

    return number


def _whole_number(column: "ColumnContract", refuse: Refuse, _: int) -> Check:
    low = -(2**63) if column.min is None else column.min
    high = 2**63 - 1 if column.max is None else column.max

    def whole_number(value: object) -> Scalar:
        if type(value) is float:
            value = _whole(value, refuse)
        elif type(value) is not int:
            raise refuse("wrong_type")
        if not low <= value <= high:  # pyright: ignore[reportOperatorIssue]
            raise refuse("out_of_range")
        return value

    return whole_number


def _whole(value: float, refuse: Refuse) -> int:
    """Take 5.0 for 5, as JSON does not tell them apart; not what a float cannot hold exactly."""
    if value - value != 0:
        raise refuse("not_finite")
    if abs(value) > _LARGEST_EXACT:
        raise refuse("out_of_range")
    if not value.is_integer():
        raise refuse("wrong_type")
    return int(value)


def _boolean(_: "ColumnContract", refuse: Refuse, __: int) -> Check:
    def boolean(value: object) -> Scalar:
        if value is True or value is False:
            return value
        raise refuse("wrong_type")

    return boolean


def _text(column: "ColumnContract", refuse: Refuse, max_text: int) -> Check:
    matches = re.compile(column.pattern).fullmatch if column.pattern else None

    def text(value: object) -> Scalar:
        if type(value) is not str:
            raise refuse("wrong_type")
        if len(value) > max_text:
            raise refuse("too_long")
        if matches is not None and matches(value) is None:
            raise refuse("not_allowed")
        return value

    return text


def _time(column: "ColumnContract", refuse: Refuse, max_text: int) -> Check:
    low = _EARLIEST if column.min is None else _naive(datetime.fromisoformat(str(column.min)))
    high = _LATEST if column.max is None else _naive(datetime.fromisoformat(str(column.max)))

    def time(value: object) -> Scalar:
        if type(value) is not str:
            raise refuse("wrong_type")
        if len(value) > max_text:
            raise refuse("too_long")
        try:
            moment = _naive(datetime.fromisoformat(value))
        except (ValueError, OverflowError):
            raise refuse("wrong_type") from None
        if not low <= moment <= high:
            raise refuse("out_of_range")
        return moment

    return time


def _naive(moment: datetime) -> datetime:
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
