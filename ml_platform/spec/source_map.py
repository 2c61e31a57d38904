"""YAML with the line of every field, so that an error can say where it is.

And with the place of every plain value, so that one can be replaced and all else stays.

Scalars follow YAML 1.2: only `true` and `false` are booleans (the airport code NO stays text),
`1e5` is a number, and dates stay text for the field that knows what to do with them.
"""

import re
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from ml_platform.exceptions import DeclarationError

Path = tuple[str | int, ...]
Span = tuple[int, int]


class _Loader(yaml.CSafeLoader):
    """CSafeLoader with the scalars of YAML 1.2."""


_REPLACED = tuple(f"tag:yaml.org,2002:{kind}" for kind in ("bool", "float", "timestamp"))
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _REPLACED]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$"
        r"|^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$"
    ),
    list("-+0123456789."),
)


@dataclass(frozen=True)
class SourceMap:
    """Plain values of a document and the line (from 1) of every place in it.

    spans: first and last character (exclusive) of every scalar, quotes included.
    """

    value: Any
    lines: dict[Path, int] = field(default_factory=dict[Path, int])
    spans: dict[Path, Span] = field(default_factory=dict[Path, Span])

    def line(self, place: Path) -> int:
        """The line of a place, or of the nearest thing around it that exists."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def read_yaml(text: str, *, name: str) -> SourceMap:
    """Parse one YAML document.

    Raises DeclarationError, with `name:line`, for broken syntax, a repeated key or an alias bomb.
    """
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            raise DeclarationError(f"{name}:1: the file is empty; see `ml-platform init`")
        read = SourceMap(None)
        value = _plain(node, loader, (), read, name)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DeclarationError(f"{name}:{line}: not valid YAML: {error.problem}") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise DeclarationError(f"{name}:1: not valid YAML: {error}") from error
    finally:
        loader.dispose()
    return replace(read, value=value)


_MOST_PLACES = 100_000


def _plain(node: yaml.Node, loader: _Loader, place: Path, read: SourceMap, name: str) -> Any:
    lines = read.lines
    lines[place] = node.start_mark.line + 1
    if len(lines) > _MOST_PLACES:
        raise DeclarationError(f"{name}:1: more than {_MOST_PLACES:,} fields after aliases")
    if isinstance(node, yaml.SequenceNode):
        items = enumerate(node.value)
        return [_plain(item, loader, (*place, i), read, name) for i, item in items]
    if not isinstance(node, yaml.MappingNode):
        read.spans[place] = node.start_mark.index, node.end_mark.index
        return loader.construct_object(node)
    mapping: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node)
        line = key_node.start_mark.line + 1
        if isinstance(key, (dict, list)):
            raise DeclarationError(
                f"{name}:{line}: a key is a plain word, not a {type(key).__name__}"
            )
        if key in mapping:
            first = lines[(*place, key)]
            raise DeclarationError(f"{name}:{line}: {key!r} is here twice (first in line {first})")
        mapping[key] = _plain(value_node, loader, (*place, key), read, name)
        lines[(*place, key)] = line
    return mapping
