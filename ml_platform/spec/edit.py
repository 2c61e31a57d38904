"""Change numbers of a declaration's text and nothing else: comments and layout stay."""

from collections.abc import Mapping
from typing import Any, cast

from ml_platform.exceptions import DeclarationError
from ml_platform.spec.source_map import Path, read_yaml

BOM = "\ufeff"


def with_numbers(text: str, numbers: Mapping[Path, str], *, name: str) -> str:
    """Put numbers, written as YAML, at the places of others.

    name: of the file, for errors.

    Raises DeclarationError, with `name:line`, where a place holds no plain number, or where the
    change would reach further than that place, as it does through an alias.
    """
    if text.startswith(BOM):  # the parser does not count it
        return BOM + with_numbers(text.removeprefix(BOM), numbers, name=name)
    source = read_yaml(text, name=name)
    wanted = source.value
    spans: list[tuple[int, int, str]] = []
    for place, number in numbers.items():
        where = f"{name}:{source.line(place)}"
        found = _at(source.value, place)
        if place not in source.spans or not _is_number(found):
            raise DeclarationError(f"{where}: {place[-1]}: found {found!r}; a number is replaced")
        spans.append((*source.spans[place], number))
        wanted = _put(wanted, place, read_yaml(number, name=name).value)
    for start, end, number in sorted(spans, reverse=True):
        text = text[:start] + number + text[end:]
    if not _reads_as(text, wanted, name=name):
        raise DeclarationError(
            f"{name}: the numbers cannot be changed alone; write values that are shared by an "
            "alias where they belong"
        )
    return text


def number_at(text: str, place: Path, *, name: str) -> bool:
    """Whether a plain number stands at the place: not a text such as `{{ env.X }}`."""
    source = read_yaml(text, name=name)
    return place in source.spans and _is_number(_at(source.value, place))


def _reads_as(text: str, wanted: object, *, name: str) -> bool:
    try:
        return read_yaml(text, name=name).value == wanted
    except DeclarationError:  # such as an alias whose anchor went with the number
        return False


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _at(value: Any, place: Path) -> Any:
    for part in place:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _put(value: Any, place: Path, new: Any) -> Any:
    """A copy with another value at a place."""
    if not place:
        return new
    part, *rest = place
    if isinstance(value, list):
        items = list(cast("list[Any]", value))
        items[int(part)] = _put(items[int(part)], tuple(rest), new)
        return items
    return {**value, part: _put(value[part], tuple(rest), new)}
