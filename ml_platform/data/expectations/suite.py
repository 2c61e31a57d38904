"""One expectation of a Great Expectations suite, whatever version wrote it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from ml_platform.exceptions import DeclarationError

_OF_GX = frozenset({"batch_id", "result_format", "include_config", "catch_exceptions", "meta"})
"""Arguments that say how Great Expectations runs, not what holds for the data."""


@dataclass(frozen=True)
class Expectation:
    """What a suite expects; arguments that are None are as if they were not there.

    number: its place in the suite, from 1. severity: `critical` unless a 1.x suite says less.
    """

    number: int
    type: str
    kwargs: dict[str, Any]
    severity: str = "critical"

    @property
    def column(self) -> str | None:
        """The column that it is about; None where it is about several, or the table."""
        column = self.kwargs.get("column")
        return column if isinstance(column, str) else None

    def text(self, key: str) -> str:
        """A required text. Raises ValueError when there is none."""
        value = self.kwargs.get(key)
        if not isinstance(value, str) or not value:
            raise ValueError(f"its `{key}` is {value!r}, not a text")
        return value

    def texts(self, key: str) -> list[str]:
        """A required list of texts. Raises ValueError when there is none."""
        values = self.values(key)
        if not all(isinstance(value, str) for value in values):
            raise ValueError(f"its `{key}` has what is no text: {values!r}")
        return cast("list[str]", values)

    def values(self, key: str) -> list[Any]:
        """A required list. Raises ValueError when it is missing or empty."""
        value = self.kwargs.get(key)
        if not isinstance(value, list) or not value:
            raise ValueError(f"its `{key}` is {value!r}, not a list of values")
        return list(cast("list[Any]", value))

    def number_of(self, key: str) -> float | None:
        """A number, or None. Raises ValueError for anything else."""
        return number(self.kwargs.get(key), key)

    def flag(self, key: str, *, default: bool = False) -> bool:
        """A yes or no."""
        return bool(self.kwargs.get(key, default))


def number(value: object, what: str) -> float | None:
    """Return a finite number or None as it is. Raises ValueError for anything else."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise ValueError(f"its `{what}` is {value!r}, not a number")


def read_suite(document: object) -> tuple[str | None, list[Expectation]]:
    """Return the name of a suite and its expectations.

    document: as parsed from JSON or YAML; `expectation_type` (before 1.0) or `type` (since).
    Raises DeclarationError when it is no suite.
    """
    suite = _mapping(document, "the document")
    listed = suite.get("expectations")
    if not isinstance(listed, list):
        found = ", ".join(map(str, list(suite)[:10])) or "nothing"
        raise DeclarationError(f"no suite: found {found} (valid: a list under `expectations`)")
    name = suite.get("name") or suite.get("expectation_suite_name")
    numbered = enumerate(cast("list[Any]", listed), start=1)
    return (str(name) if name else None), [_expectation(place, one) for place, one in numbered]


def _expectation(place: int, document: object) -> Expectation:
    where = f"expectation {place}"
    written = _mapping(document, where)
    kind = written.get("type") or written.get("expectation_type")
    if not isinstance(kind, str):
        found = ", ".join(map(str, written)) or "nothing"
        raise DeclarationError(f"{where}: found {found} (valid: type or expectation_type, kwargs)")
    kwargs = _mapping(written.get("kwargs") or {}, f"{where}: kwargs")
    kept = {
        str(key): value for key, value in kwargs.items() if value is not None and key not in _OF_GX
    }
    return Expectation(place, kind, kept, str(written.get("severity") or "critical"))


def _mapping(value: object, where: str) -> Mapping[Any, Any]:
    if not isinstance(value, dict):
        raise DeclarationError(f"no suite: {where} is {type(value).__name__}, not a mapping")
    return cast("dict[Any, Any]", value)
