import json
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ml_platform.data.contract import Contract
from ml_platform.data.report import validation_html, violations_markdown, violations_table
from ml_platform.data.validation import Validation, validate

NOW = datetime(2013, 1, 1, tzinfo=UTC)
CONTRACT = Contract.model_validate(
    {
        "version": 3,
        "columns": {
            "<b>": {"dtype": "float64", "min": 0},
            "time": {"dtype": "datetime", "max": "2014-01-01"},
            "age": {"dtype": "int64", "max": 150, "sensitive": True},
            "a|b": {"dtype": "category", "allowed": ["x"]},
        },
        "table": {"min_rows": 10},
        "on_invalid": "quarantine",
    }
)


def broken() -> Validation:
    frame = pd.DataFrame(
        {
            "<b>": [np.inf, -1.0, np.nan],
            "time": pd.to_datetime(["2015-01-01", None, "2013-01-01"]),
            "age": [1, 987, 2],
            "a|b": ["x", "<script>", None],
            "extra": [1, 2, 3],
        }
    )
    return validate(frame, CONTRACT, event_time=None, folder=Path(), now=NOW)


def clean() -> Validation:
    contract = Contract.model_validate({"version": 1, "columns": {"a": {"dtype": "int64"}}})
    return validate(pd.DataFrame({"a": [1]}), contract, event_time=None, folder=Path(), now=NOW)


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[Any] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href")]


def test_table_is_json_without_nan():
    rows = violations_table(broken())
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    finite = next(row for row in rows if row["rule"] == "finite")
    assert finite["column"] == "<b>"
    assert finite["rows"] == 1
    assert finite["samples"] == [{"row": 0, "<b>": "inf"}]


def test_markdown_has_a_line_for_each_violation():
    result = broken()
    lines = violations_markdown(result).splitlines()
    assert len(lines) == 2 + len(result.violations)
    assert all(line.replace("\\|", "").count("|") == 7 for line in lines)
    assert violations_markdown(clean()) == "All 1 rows keep the contract."


def test_page_says_verdict_violations_bad_rows_and_contract():
    html = validation_html(broken(), model="flights", contract=CONTRACT, when=NOW)
    for words in (
        "flights: validation",
        "failed",
        "max_quarantine_fraction",
        "Bad rows (the first 3",
    ):
        assert words in html
    assert "2013-01-01T00:00:00+00:00" in html
    assert "extra" in html


def test_page_needs_nothing_beside_it_and_runs_nothing():
    page = Page(validation_html(broken(), model="<i>", contract=CONTRACT, when=NOW))
    assert "script" not in page.tags
    assert "i" not in page.tags
    assert "b" not in page.tags
    assert page.links == []


def test_sensitive_values_are_on_no_page():
    result = broken()
    assert any(violation.column == "age" for violation in result.violations)
    for text in (
        validation_html(result, model="m", contract=CONTRACT, when=NOW),
        violations_markdown(result),
        json.dumps(violations_table(result)),
    ):
        assert "987" not in text


def test_page_of_clean_rows_says_so():
    contract = Contract.model_validate({"version": 1, "columns": {"a": {"dtype": "int64"}}})
    html = validation_html(clean(), model="m", contract=contract, when=NOW)
    assert "passed" in html
    assert "All 1 rows keep the contract." in html
