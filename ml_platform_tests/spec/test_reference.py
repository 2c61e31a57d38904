import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from ml_platform.evaluation.metrics.metric import METRICS
from ml_platform.gates.gate import GATES
from ml_platform.spec.field_text import description, summary, type_text
from ml_platform.spec.reference import reference_markdown

FILE = Path(__file__).parents[2] / "docs" / "reference.md"


def test_committed_reference_is_what_the_spec_says() -> None:
    assert FILE.read_text(encoding="utf-8") == reference_markdown(), (
        "run: python -m ml_platform.spec.reference docs/reference.md"
    )


def test_every_shipped_plugin_has_a_section() -> None:
    text = reference_markdown()
    for name in (*METRICS.names(), *GATES.names()):
        assert f"\n#### {name}\n" in text


def test_every_link_leads_to_a_heading() -> None:
    text = reference_markdown()
    headings = {h.lower().replace(" ", "-") for h in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}
    links = set(re.findall(r"\(#([^)]*)\)", text))
    assert links
    assert not links - headings


def test_every_field_says_what_it_means() -> None:
    rows = re.findall(r"^\| `(\w+)` \|(.*)\|$", reference_markdown(), re.MULTILINE)
    assert not [name for name, cells in rows if not cells.split(" | ")[-1].strip()]


class Example(BaseModel):
    """What it is.

    low, high: the bounds,
        both of them.
    note: a word.
    More about it.
    """

    low: int
    high: int
    note: str


@pytest.mark.parametrize(
    ("name", "meaning"), [("high", "the bounds, both of them."), ("note", "a word.")]
)
def test_meaning_of_a_field_is_read_from_the_docstring(name: str, meaning: str) -> None:
    assert description(Example, name) == meaning


def test_summary_leaves_the_fields_out() -> None:
    assert summary(Example) == "What it is.\n\nMore about it."


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (str | None, "text"),
        (int | float | str | None, "number or text"),
        (tuple[str, ...], "list of text"),
        (tuple[float, float], "[number, number]"),
        (dict[str, bool], "mapping of text to true or false"),
        (Example, "[Example](#example)"),
    ],
)
def test_types_read_as_yaml(annotation: object, text: str) -> None:
    assert type_text(annotation) == text
