"""What a field of the declaration is, in words: its type, default, bounds and meaning."""

import inspect
import re
import types
from collections.abc import Iterator
from datetime import timedelta
from enum import Enum
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from ml_platform.data.duration import format_duration
from ml_platform.plugins import Declared, Plugin

_NAMES = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "true or false",
    timedelta: "duration, such as 12h",
    type(None): "nothing",
    Any: "anything",
}
_BOUNDS = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
_PROSE = re.compile(r"^(\w+(?:, \w+)*): (.*)$")


def type_text(annotation: Any) -> str:
    """Return what YAML may hold for a type annotation, nested models as links."""
    origin = get_origin(annotation)
    arguments = get_args(annotation)
    if origin is Annotated:
        return _declared_text(annotation) or type_text(arguments[0])
    if origin in (Union, types.UnionType):
        return _union_text(arguments)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (tuple, list):
        return _sequence_text(arguments)
    if origin is dict:
        return f"mapping of {type_text(arguments[0])} to {type_text(arguments[1])}"
    return _class_text(annotation)


def field_type_text(field: FieldInfo) -> str:
    """Return `type_text` of a field, with the bounds that its metadata declare."""
    declared = next((m for m in field.metadata if isinstance(m, Declared)), None)
    text = link(declared.registry.kind) if declared else type_text(field.annotation)
    bounds = [
        f"{word} {_value_text(getattr(constraint, name))}"
        for constraint in field.metadata
        for name, word in _BOUNDS.items()
        if getattr(constraint, name, None) is not None
    ]
    return ", ".join([text, *bounds])


def default_text(field: FieldInfo) -> str:
    """Return the default as one would write it in YAML, or that there is none."""
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    if default is None or default is PydanticUndefined or default in ((), {}):
        return ""
    if isinstance(default, Plugin):
        return f"`{default.type}`"
    return "see there" if isinstance(default, BaseModel) else f"`{_value_text(default)}`"


def summary(cls: type[BaseModel]) -> str:
    """Return what a class's docstring says besides its fields."""
    lines = inspect.getdoc(cls) or ""
    described = {line for text in _field_lines(cls).values() for line in text}
    return "\n".join(line for line in lines.splitlines() if line not in described).strip()


def description(cls: type[BaseModel], name: str) -> str:
    """Return what a field means.

    That is its own description, what the docstring of its class says of it, or the first line
    about the section or plugin kind that it holds.
    """
    own = cls.model_fields[name].description
    if own:
        return own
    for base in cls.__mro__:
        if issubclass(base, BaseModel) and base not in (BaseModel, Plugin):
            lines = _field_lines(base).get(name)
            if lines:
                return _PROSE.sub(r"\2", " ".join(line.strip() for line in lines))
    return _type_summary(cls.model_fields[name])


def _type_summary(field: FieldInfo) -> str:
    for part in walk_types([field.annotation, *field.metadata]):
        held = part.registry.base if isinstance(part, Declared) else part
        if isinstance(held, type) and issubclass(held, BaseModel):
            return summary(held).partition("\n")[0]
    return ""


def walk_types(annotations: list[Any]) -> Iterator[Any]:
    """Yield every type and metadata inside type annotations, outer ones first."""
    for annotation in annotations:
        yield annotation
        yield from walk_types(list(get_args(annotation)))
        yield from getattr(annotation, "__metadata__", ())


def link(heading: str) -> str:
    """Return a Markdown link to a heading of the reference."""
    return f"[{heading}](#{heading.lower().replace(' ', '-').replace('.', '')})"


def _field_lines(cls: type[BaseModel]) -> dict[str, list[str]]:
    """Lines of the docstring that tell of fields: `name, name: what`, and lines indented below."""
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in (inspect.cleandoc(cls.__doc__) if cls.__doc__ else "").splitlines():
        match = _PROSE.match(line)
        names = match[1].split(", ") if match else []
        if names and all(name in cls.model_fields for name in names):
            current = [line]
            found.update(dict.fromkeys(names, current))
        elif current is not None and line.startswith(" "):
            current.append(line)
        else:
            current = None
    return found


def _declared_text(annotation: Any) -> str | None:
    for metadata in annotation.__metadata__:
        if isinstance(metadata, Declared):
            return link(metadata.registry.kind)
    return None


def _union_text(arguments: tuple[Any, ...]) -> str:
    wide = {int} if float in arguments else set[type]()
    left = [a for a in arguments if a is not type(None) and a not in wide]
    return " or ".join(dict.fromkeys(type_text(a) for a in left))


def _sequence_text(arguments: tuple[Any, ...]) -> str:
    if len(arguments) == 2 and arguments[1] is not Ellipsis:
        return f"[{type_text(arguments[0])}, {type_text(arguments[1])}]"
    return f"list of {type_text(arguments[0])}"


def _class_text(annotation: Any) -> str:
    if annotation in _NAMES:
        return _NAMES[annotation]
    if isinstance(annotation, type):
        if issubclass(annotation, Enum):
            return " or ".join(f"`{member.value}`" for member in annotation)
        if issubclass(annotation, BaseModel):
            return link(annotation.__name__)
    return "anything" if "Json" in str(annotation) else str(annotation)


def _value_text(value: object) -> str:
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, tuple):
        return f"[{', '.join(_value_text(v) for v in cast('tuple[object, ...]', value))}]"
    return str(value)
