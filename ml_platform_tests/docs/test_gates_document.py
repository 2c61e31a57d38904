"""What docs/gates.md shows can be declared, and every gate is shown."""

import re
from pathlib import Path

from ml_platform.gates.gate import GATES
from ml_platform.spec.source_map import read_yaml

DOCUMENT = Path(__file__).parents[2] / "docs" / "gates.md"
BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def declared() -> list[dict[str, object]]:
    found = []
    for text in BLOCK.findall(DOCUMENT.read_text(encoding="utf-8")):
        document = read_yaml(text, name=DOCUMENT.name).value
        found += document["gates"] if isinstance(document, dict) else document
    return found


def test_every_shown_gate_can_be_declared() -> None:
    for gate in declared():
        assert GATES.parse(gate).type == gate["type"]


def test_every_gate_is_shown() -> None:
    assert {gate["type"] for gate in declared()} == set(GATES.names())
