"""Read declarations from disk; every error names file and line and what would be valid."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ml_platform.exceptions import DeclarationError, PluginError, did_you_mean
from ml_platform.plugins import Declared
from ml_platform.spec.model import ModelSpec
from ml_platform.spec.source_map import SourceMap, read_yaml

COMPONENT_TYPE = "ml_platform.MLModel"
FILE_NAME = "defs.yaml"


@dataclass(frozen=True)
class Declaration:
    """A model as declared: the spec, the file, and the folder its functions lie in."""

    spec: ModelSpec
    file: Path

    @property
    def folder(self) -> Path:
        """Where relative paths and functions of the declaration are looked up."""
        return self.file.parent


def find_declarations(roots: Iterable[Path]) -> list[Path]:
    """Every `defs.yaml` in the folders of `roots`, in the order of the folders' names.

    The order says nothing of where the roots lie: two checkouts list the same models alike.
    A root that is no folder stands in the list as one broken declaration: `load_declaration` says
    so of its file, and the other roots are as they are.
    """
    files: set[Path] = set()
    for root in roots:
        own = root / FILE_NAME
        alone = own.is_file() or not root.is_dir()
        files.update([own] if alone else root.glob(f"*/{FILE_NAME}"))
    return sorted(files, key=lambda file: (file.parent.name, file))


def load_declaration(file: Path, *, environ: Mapping[str, str] = os.environ) -> Declaration:
    """Read one declaration.

    Raises DeclarationError whose text holds one line for each thing that is wrong, as
    `file:line: field: what was found; what would be valid`.
    """
    if not file.parent.is_dir():
        raise DeclarationError(
            f"{file.parent} is not a folder of models, nor is {file.parent.name} an installed "
            "package (see ML_PLATFORM_MODELS)"
        )
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DeclarationError(f"{file}:1: cannot be read: {error}") from error
    source = read_yaml(text, name=str(file))
    attributes = _attributes(source, file)
    rendered = _render(attributes, ("attributes",), source, file, environ)
    try:
        spec = ModelSpec.model_validate(rendered)
    except ValidationError as error:
        lines = [_explain(details, source, file) for details in error.errors()]
        raise DeclarationError("\n".join(lines)) from error
    except Exception as error:  # a plugin's own validators may raise anything
        said = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise DeclarationError(f"{file}:1: attributes: checking them raised {said}") from error
    return Declaration(spec=spec, file=file)


def _attributes(source: SourceMap, file: Path) -> dict[str, Any]:
    if not isinstance(source.value, dict):
        raise DeclarationError(f"{file}:1: a declaration is a mapping with `type` and `attributes`")
    document = cast("dict[Any, Any]", source.value)
    unknown = [key for key in document if key not in ("type", "attributes")]
    if unknown:
        line = source.line((unknown[0],))
        raise DeclarationError(
            f"{file}:{line}: {unknown[0]}: unknown field (valid: type, attributes)"
        )
    if document.get("type") != COMPONENT_TYPE:
        line = source.line(("type",))
        found = document.get("type")
        raise DeclarationError(f"{file}:{line}: type: found {found!r} (valid: {COMPONENT_TYPE})")
    if not isinstance(document.get("attributes"), dict):
        raise DeclarationError(f"{file}:{source.line(('attributes',))}: attributes: not a mapping")
    return document["attributes"]


_ENV = re.compile(r"\{\{\s*env\.([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")


def _render(
    value: Any, place: tuple[Any, ...], source: SourceMap, file: Path, environ: Mapping[str, str]
) -> Any:
    if isinstance(value, dict):
        items = cast("dict[Any, Any]", value).items()
        return {k: _render(v, (*place, k), source, file, environ) for k, v in items}
    if isinstance(value, list):
        elements = enumerate(cast("list[Any]", value))
        return [_render(v, (*place, i), source, file, environ) for i, v in elements]
    if not isinstance(value, str):
        return value

    def look_up(match: re.Match[str]) -> str:
        if match[1] not in environ:
            line, where = source.line(place), dotted(place[1:])
            raise DeclarationError(
                f"{file}:{line}: {where}: the environment variable {match[1]} is not set"
            )
        return environ[match[1]]

    return _ENV.sub(look_up, value)


def _explain(details: ErrorDetails, source: SourceMap, file: Path) -> str:
    place = tuple(part for part in details["loc"] if part != "[key]")
    line = source.line(("attributes", *place))
    what = details["msg"].removeprefix("Value error, ")
    if details["type"] == "extra_forbidden":
        what = _unknown_field(str(place[-1]), _fields_at(place[:-1], source))
    elif details["type"] == "missing":
        what = "missing, but required"
    elif details["type"] not in ("unknown_plugin", "plugin_type", "inconsistent", "value_error"):
        what = f"{what}, found {_short(details['input'])}"
    return f"{file}:{line}: {dotted(place) or 'attributes'}: {what}"


def _unknown_field(name: str, valid: list[str]) -> str:
    return f"unknown field{did_you_mean(name, valid)} (valid: {', '.join(valid)})"


def _fields_at(place: tuple[str | int, ...], source: SourceMap) -> list[str]:
    """The fields that the class declared at `place` has, found by walking spec and document."""
    types: list[Any] = [ModelSpec]
    value: Any = source.value["attributes"]
    for part in place:
        fields = getattr(_declared_class(types, value), "model_fields", {})
        if part in fields:
            types = [fields[part].annotation, *fields[part].metadata]
        value = cast("Any", value)[part] if isinstance(value, (dict, list)) else None
    return sorted(getattr(_declared_class(types, value), "model_fields", {}))


def _declared_class(types: list[Any], value: Any) -> Any:
    """The pydantic class among nested type arguments; a plugin's own by its `type`."""
    queue = list(types)
    found: Any = None
    while queue:
        candidate = queue.pop(0)
        if isinstance(candidate, Declared):
            try:
                return candidate.registry.find(str(value["type"]))
            except (PluginError, KeyError, TypeError):
                continue
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            found = found or candidate
        else:
            queue += [*get_args(candidate), *getattr(candidate, "__metadata__", ())]
    return found


def dotted(place: tuple[Any, ...]) -> str:
    """Write a place in a declaration as people do: `gates[0].metric`."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
