"""Tables in Markdown, as small as Dagster wants them to show at once."""

from collections.abc import Container, Mapping, Sequence

import pandas as pd
from pandas.api.types import is_scalar

PREVIEW_ROWS = 10

SHOWN_CHARACTERS = 1000
"""Dagster shows shorter Markdown at once, and longer only when one clicks on it."""

LONGEST_VALUE = 60


def markdown_table(records: Sequence[Mapping[str, object]]) -> str:
    """A Markdown table; the keys of the first record are its columns."""
    if not records:
        return "(none)"
    head = list(records[0])
    rows = [[str(record[key]) for key in head] for record in records]
    lines = [head, ["-"] * len(head), *rows]
    return "\n".join(f"|{'|'.join(map(_escaped, line))}|" for line in lines)


def preview(frame: pd.DataFrame, *, without: Container[str] = ()) -> str:
    """The first rows: as many as Dagster shows at once, or ten where not even three fit.

    without: names of columns that are not for everybody's eyes.
    """
    rows = [
        {str(name): as_given(value) for name, value in row.items() if str(name) not in without}
        for row in frame.head(PREVIEW_ROWS).to_dict("records")
    ]
    fewer = (markdown_table(rows[:count]) for count in range(len(rows), 2, -1))
    return next((each for each in fewer if len(each) < SHOWN_CHARACTERS), markdown_table(rows))


def as_given(value: object) -> str:
    """A value of the data in full, but for its length."""
    if is_scalar(value) and pd.isna(value):
        return "missing"
    text = f"{value:.10g}" if isinstance(value, float) else str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}..."


def _escaped(cell: str) -> str:
    return cell.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
