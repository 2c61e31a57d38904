"""docs/verdicts.md has the tables that benchmarks/verdicts.py makes, and no others."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_every_table_of_verdicts_is_one_that_the_script_makes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    made = {
        title: f"| {' | '.join(labels)} |"
        for title, labels, _ in importlib.import_module("verdicts").tables(0.0)
    }
    text = (ROOT / "docs" / "verdicts.md").read_text("utf-8")
    assert dict(re.findall(r"(?m)^### (.*)\n\n(\|.*\|)$", text)) == made
