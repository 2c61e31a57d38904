"""What a docstring shows is what the code answers."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "ml_platform"
EXAMPLES = {
    ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts): count
    for file in sorted(PACKAGE.rglob("*.py"))
    if (count := file.read_text("utf-8").count(">>> "))
}


@pytest.mark.parametrize("module", EXAMPLES)
def test_examples_of_a_module_answer_as_they_stand(module: str) -> None:
    seen = doctest.testmod(import_module(module))
    assert seen.failed == 0
    assert seen.attempted == EXAMPLES[module], "an example is in no docstring that doctest reads"


def test_examples_are_found() -> None:
    assert "ml_platform.data.duration" in EXAMPLES
