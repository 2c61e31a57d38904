"""A proposal as the commented YAML that a team goes on with."""

import re
from typing import Any, cast

import yaml

from ml_platform.cli.proposal import Proposal
from ml_platform.spec.load import COMPONENT_TYPE

_WIDTH = 96


class _Dumper(yaml.SafeDumper):
    """Puts into quotes what YAML 1.1, or 1.2 as `spec.source_map` reads it, takes for no text."""


_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)[eE][-+]?[0-9]+$"),
    list("-+0123456789."),
)

_CLOSING = """\
  # Further, where it is wanted:
  # retraining: {schedule: "0 3 * * *", timezone: UTC} # with a gate of type no_regression
"""


def render(proposal: Proposal) -> str:
    """Return the text of `defs.yaml`."""
    lines = [*_comments(proposal, "", indent=0), f"type: {COMPONENT_TYPE}", "attributes:"]
    for section, value in proposal.attributes.items():
        lines += _comments(proposal, section, indent=2)
        lines += entry(section, value, indent=2)
    return "\n".join(lines) + "\n" + _CLOSING


def _comments(proposal: Proposal, section: str, *, indent: int) -> list[str]:
    return [f"{' ' * indent}# {line}" for line in proposal.remarks.get(section, ())]


def entry(key: object, value: Any, *, indent: int) -> list[str]:
    """`key: value` on one line where it fits, else one line an element."""
    margin = " " * indent
    flat = f"{margin}{flow(key)}: {flow(value)}"
    if not isinstance(value, (dict, list)) or (len(flat) <= _WIDTH and not _nested(value)):
        return [flat]
    lines = [f"{margin}{flow(key)}:"]
    if isinstance(value, dict):
        for inner, content in cast("dict[Any, Any]", value).items():
            lines += entry(inner, content, indent=indent + 2)
        return lines
    items = cast("list[Any]", value)
    if _nested(items):
        return lines + [f"{margin}  - {flow(item)}" for item in items]
    texts = [flow([item])[1:-1] for item in items]  # quoted as it must be inside brackets
    return lines + _packed(texts, indent=indent + 2)


def _packed(items: list[str], *, indent: int) -> list[str]:
    """A list in brackets, as many items a line as fit."""
    lines = [" " * indent + "["]
    for item in items:
        if len(lines[-1]) + len(item) + 2 > _WIDTH:
            lines.append(" " * (indent + 1))
        lines[-1] += f"{item}, "
    return [*(line.rstrip() for line in lines[:-1]), lines[-1].rstrip(", ") + "]"]


def _nested(value: Any) -> bool:
    """Tell whether it holds mappings, so that one line would be too dense."""
    inner = value.values() if isinstance(value, dict) else value
    return any(isinstance(item, dict) for item in cast("list[Any]", inner))


def flow(value: object) -> str:
    """Return a value as YAML on one line."""
    text = yaml.dump(
        value,
        Dumper=_Dumper,
        default_flow_style=True,
        width=float("inf"),
        allow_unicode=True,
        sort_keys=False,
    )
    return text.removesuffix("...\n").strip()
