"""The reference of `defs.yaml`, docs/reference.md, written from the spec itself.

`python -m ml_platform.spec.reference docs/reference.md` writes it anew.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from ml_platform.evaluation.metrics.metric import Metric
from ml_platform.gates.gate import Gate
from ml_platform.plugins import Declared, Plugin, Registry
from ml_platform.spec.field_text import (
    default_text,
    description,
    field_type_text,
    link,
    summary,
    walk_types,
)
from ml_platform.spec.model import ModelSpec
from ml_platform.task import Task

_INTRODUCTION = """\
# Reference of defs.yaml

Written by `python -m ml_platform.spec.reference docs/reference.md` from the classes that parse the
file; a test keeps it up to date. A declaration is

```yaml
type: ml_platform.MLModel
attributes:
  name: ...
```

`{{{{ env.NAME }}}}` in any text is the environment variable NAME. What stands under `attributes`
is {spec}. An unknown field is an error that names the file, the line and
the valid fields; `ml-platform check` tells without starting anything.
"""


def reference_markdown() -> str:
    """Return the whole reference, as Markdown."""
    sections, registries = _walk([ModelSpec])
    parts = [_INTRODUCTION.format(spec=link(ModelSpec.__name__)), "## Sections\n"]
    parts += [_class_section(cls, cls.__name__, level=3) for cls in sections]
    parts.append("## Plugins\n")
    parts.append(
        "Each is chosen by its `type`: a name below, the name of an entry point of another\n"
        "package, or `package.module:Class` (see [plugins.md](plugins.md)).\n"
    )
    for registry in registries:  # a plugin may take plugins of another kind
        registries += [r for r in _walk(_shipped(registry))[1] if r not in registries]
        parts += _registry_section(registry)
    return "\n".join(parts).rstrip() + "\n"


def _walk(start: list[type[BaseModel]]) -> tuple[list[type[BaseModel]], list[Registry[Any]]]:
    """Every section and every plugin kind that the classes can reach, in order of appearance."""
    sections = list(start)
    registries: list[Registry[Any]] = []
    for cls in sections:
        for field in cls.model_fields.values():
            for part in walk_types([field.annotation, *field.metadata]):
                if isinstance(part, Declared):
                    if part.registry not in registries:
                        registries.append(part.registry)
                elif _is_section(part) and part not in sections:
                    sections.append(part)
    return sections, registries


def _is_section(part: Any) -> bool:
    return isinstance(part, type) and issubclass(part, BaseModel) and not issubclass(part, Plugin)


def _shipped(registry: Registry[Any]) -> list[type[BaseModel]]:
    return [cls for cls in registry.usable().values() if cls.__module__.startswith("ml_platform.")]


def _registry_section(registry: Registry[Any]) -> Iterator[str]:
    shipped = _shipped(registry)
    yield f"### {registry.kind}\n\n{summary(registry.base)}\n"
    yield f"Entry point group `{registry.group}`.\n"
    for cls in shipped:
        yield _class_section(cls, f"{cls.model_fields['type'].default}", level=4)
    for cls in _walk(shipped)[0][len(shipped) :]:
        yield _class_section(cls, cls.__name__, level=4)


def _class_section(cls: type[BaseModel], heading: str, *, level: int) -> str:
    lines = [f"{'#' * level} {heading}", "", "\n\n".join([summary(cls), *_facts(cls)]), ""]
    chosen = "type" if issubclass(cls, Plugin) else None
    names = [name for name in cls.model_fields if name != chosen]
    if names:
        lines += ["| field | type | default | meaning |", "| --- | --- | --- | --- |"]
        lines += [_row(cls, name) for name in names]
        lines.append("")
    return "\n".join(lines)


def _facts(cls: type[BaseModel]) -> Iterator[str]:
    """What a plugin class says of itself besides its docstring and fields."""
    if issubclass(cls, Metric):
        yield f"Measures {', '.join(task.value for task in Task if task in cls.tasks)}."
    if issubclass(cls, Gate):
        stage = getattr(cls, "stage", None)  # a field where each declaration chooses it
        asset = "the asset of its stage" if stage is None else f"`{stage.value}`"
        yield f"An asset check on {asset}."


def _row(cls: type[BaseModel], name: str) -> str:
    field = cls.model_fields[name]
    cells = [f"`{name}`", field_type_text(field), default_text(field), description(cls, name)]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def main() -> None:
    """Write the reference to the file named on the command line."""
    Path(sys.argv[1]).write_text(reference_markdown(), encoding="utf-8")


if __name__ == "__main__":
    main()
