"""Type names and regular expressions of Great Expectations in the words of a contract."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from ml_platform.data.contract import Dtype

_NAMES: tuple[tuple[Dtype, str], ...] = (
    ("int64", r"u?int_?\d*|integer(type)?|(tiny|small|medium|big|byte)_?int(eger)?|long(type)?"),
    ("int64", r"(short|byte)type|intc|u?intp|serial|bigserial|longlong"),
    ("float64", r"float_?\d*|float(ing)?type|double(type|_?precision)?|real|halffloat"),
    ("float64", r"(big)?numeric|decimal(type)?|number|money"),
    ("bool", r"bool_?|boolean(type)?"),
    ("category", r"category|categorical(dtype(type)?)?|enum"),
    ("string", r"str_?|string(type|_?dtype)?|object_?|n?(var)?char(acter)?|n?text|clob|uuid"),
    ("string", r"character_?varying|varchar2|nvarchar2"),
    ("datetime", r"datetime(64|_?tz|2|offset|tzdtype)?|date(type)?|timestamp(type|_?n?tz|_?ltz)?"),
    ("datetime", r"timestamp_?with(out)?_?time_?zone"),
)
_HOLDS: dict[Dtype, Dtype] = {"float64": "int64", "string": "category"}
_PARAMETERS = re.compile(r"[(\[<].*$")
_GLOBAL_FLAGS = re.compile(r"\(\?[aimsuxL]+\)")
_ANYTHING = "(?s:.*)"


def dtype_of_name(name: str) -> Dtype | None:
    """Return the dtype that a type of pandas, Spark or a database means, None for others.

    >>> dtype_of_name("VARCHAR(20)"), dtype_of_name("datetime64[ns, UTC]"), dtype_of_name("blob")
    ('string', 'datetime', None)
    """
    plain = _PARAMETERS.sub("", name.rpartition(".")[2].strip().lower())
    plain = re.sub(r"[\s-]+", "_", plain.strip())
    for dtype, names in _NAMES:
        if re.fullmatch(names, plain):
            return dtype
    return None


def dtype_of_names(names: Sequence[str]) -> Dtype:
    """Return the one dtype that holds every type of a list; those of no contract are passed over.

    >>> dtype_of_names(["int64", "float64"]), dtype_of_names(["category", "object"])
    ('float64', 'string')

    Raises ValueError when there is none, or two that are nothing alike.
    """
    found: set[Dtype] = {dtype for name in names if (dtype := dtype_of_name(name)) is not None}
    for wider, narrower in _HOLDS.items():
        if wider in found:
            found.discard(narrower)
    if len(found) == 1:
        [dtype] = found
        return dtype
    what = f"are of several kinds ({', '.join(sorted(found))})" if found else "are not known"
    shown = ", ".join(names[:5])
    raise ValueError(f"its types {what}: {shown}; a column of a contract has one dtype")


def dtype_of_values(values: Iterable[Any]) -> Dtype:
    """Return the dtype that values themselves suggest."""
    kinds = {type(value) for value in values}
    if kinds <= {bool}:
        return "bool"
    if kinds <= {int}:
        return "int64"
    return "float64" if kinds <= {int, float} else "category"


def is_moment(value: object) -> bool:
    """Tell whether a value is a date or a time in ISO 8601."""
    try:
        datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        return False
    return True


def whole(regex: str) -> str:
    """Return a pattern that matches the whole of each text in which `regex` is found.

    Great Expectations searches, a contract matches the whole text.

    >>> whole("^[A-Z]{3}$"), whole("[0-9]")
    ('[A-Z]{3}', '(?s:.*)(?:[0-9])(?s:.*)')

    Raises ValueError when it is no regular expression of Python.
    """
    try:
        re.compile(regex)
    except re.error as error:
        raise ValueError(f"{regex!r} is no regular expression of Python: {error}") from error
    flags = _GLOBAL_FLAGS.match(regex)
    start, body = (flags.group(), regex[flags.end() :]) if flags else ("", regex)
    if "m" not in start and "x" not in start and not _has_alternatives(body):
        head, body = ("", body[1:]) if body.startswith("^") else (_ANYTHING, body)
        ends = body.endswith("$") and not _escaped(body, len(body) - 1)
        if not head and ends:
            return f"{start}{body[:-1]}"
        body = f"{body[:-1]}" if ends else body
        middle = f"{head}(?:{body}){'' if ends else _ANYTHING}"
        return f"{start}{middle}"
    return f"{start}{_ANYTHING}(?:{body}){_ANYTHING}"


def none_of(regex: str) -> str:
    """Return a pattern that matches the whole of each text in which `regex` is not found."""
    pattern = whole(regex)
    flags = _GLOBAL_FLAGS.match(pattern)
    start, body = (flags.group(), pattern[flags.end() :]) if flags else ("", pattern)
    return rf"{start}(?!(?:{body})\Z){_ANYTHING}"


def all_of(patterns: Sequence[str]) -> str:
    """Return one pattern that matches what each of several matches.

    Raises ValueError when there are several and one has flags or refers back to a group.
    """
    if len(patterns) == 1:
        return patterns[0]
    _require_joinable(patterns)
    ahead = "".join(rf"(?=(?:{pattern})\Z)" for pattern in patterns[:-1])
    return f"{ahead}(?:{patterns[-1]})"


def any_of(regexes: Sequence[str]) -> str:
    """Return one pattern that matches the whole of each text in which one is found.

    Raises ValueError as `whole` and `all_of` do.
    """
    patterns = [whole(regex) for regex in regexes]
    if len(patterns) == 1:
        return patterns[0]
    _require_joinable(patterns)
    return "|".join(f"(?:{pattern})" for pattern in patterns)


def _require_joinable(patterns: Iterable[str]) -> None:
    """Flags would hold for all of them, and groups would change their numbers."""
    for pattern in patterns:
        if _GLOBAL_FLAGS.match(pattern) or re.search(r"\\[1-9]", pattern):
            raise ValueError(
                f"{pattern!r} cannot be joined with another pattern: it has flags for itself, or "
                "refers back to a group by its number"
            )


def _has_alternatives(regex: str) -> bool:
    """Tell whether there is a `|` outside of brackets, which binds weaker than ^ and $."""
    if "[]" in regex or "[^]" in regex:  # a bracket as a character: rather too many than too few
        return True
    depth, in_class = 0, False
    for place, sign in enumerate(regex):
        if _escaped(regex, place):
            continue
        if in_class:
            in_class = sign != "]"
        elif sign == "[":
            in_class = True
        elif sign in "()":
            depth += 1 if sign == "(" else -1
        elif sign == "|" and depth == 0:
            return True
    return False


def _escaped(text: str, place: int) -> bool:
    before = text[:place]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1
