"""A validation as a page, as a table and as Markdown."""

from collections.abc import Iterable
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

from ml_platform.data.contract import REASON, ColumnContract, Contract
from ml_platform.data.validation import Validation, Violation

if TYPE_CHECKING:
    from ml_platform.data.snapshots import Snapshot

_SHOWN_ROWS = 20
_LONGEST = 80
_HEAD = ("column", "rule", "valid", "found", "rows", "samples")
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem;
       color: #1c2733; background: #fff }
table { border-collapse: collapse; margin: .5rem 0 1.5rem }
th, td { padding: .3rem .8rem; border-bottom: 1px solid #dde3ea; text-align: left;
         vertical-align: top }
.wide { overflow-x: auto }
.passed { color: #17643a } .failed { color: #a3261b }
"""


def violations_table(validation: Validation) -> list[dict[str, Any]]:
    """Return one JSON-ready row for each violation."""
    return [
        {
            "column": violation.column,
            "rule": violation.rule,
            "valid": violation.bound,
            "found": violation.found,
            "rows": violation.count if violation.kind == "row" else None,
            "samples": [
                {key: _plain(value) for key, value in sample.items()}
                for sample in violation.samples
            ],
        }
        for violation in validation.violations
    ]


def validation_document(
    validation: Validation, *, model: str, contract: Contract, snapshot: "Snapshot", when: datetime
) -> dict[str, Any]:
    """Return the same as a JSON-ready document, with the raw snapshot that was validated."""
    return {
        "model": model,
        "when": when.isoformat(),
        "snapshot": snapshot.model_dump(mode="json"),
        "contract_version": contract.version,
        "contract": contract.model_dump(mode="json"),
        "passed": validation.passed,
        "rows": validation.rows,
        "bad_rows": len(validation.quarantined),
        "dropped_columns": list(validation.dropped_columns),
        "violations": violations_table(validation),
    }


def violations_markdown(validation: Validation) -> str:
    """Return the violations as a Markdown table, or the sentence that there are none."""
    if not validation.violations:
        return f"All {validation.rows:,} rows keep the contract."
    rows = [_HEAD, ("---",) * len(_HEAD), *map(_cells, validation.violations)]
    return "\n".join("| " + " | ".join(map(_markdown, row)) + " |" for row in rows)


def validation_html(
    validation: Validation, *, model: str, contract: Contract, when: datetime
) -> str:
    """Return one page that needs nothing beside it: verdict, violations, bad rows, contract."""
    title = f"{model}: validation"
    word = "passed" if validation.passed else "failed"
    facts = {
        "Validated": when.isoformat(timespec="seconds"),
        "Contract version": str(contract.version),
        "Rows": f"{validation.rows:,}",
        "Bad rows": f"{len(validation.quarantined):,} (on_invalid: {contract.on_invalid})",
        "Columns let go": ", ".join(validation.dropped_columns) or "none",
    }
    parts = [
        "<!DOCTYPE html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<style>{_STYLE}</style></head><body>",
        f'<h1>{escape(title)} <span class="{word}">{word}</span></h1>',
        _table((), facts.items()),
        "<h2>Violations</h2>",
        _table(_HEAD, map(_cells, validation.violations))
        if validation.violations
        else f"<p>All {validation.rows:,} rows keep the contract.</p>",
        *_bad_rows(validation, contract),
        "<h2>Contract</h2>",
        _table(("column", "dtype", "rules"), _contract_rows(contract)),
        "</body></html>",
    ]
    return "\n".join(parts)


def _bad_rows(validation: Validation, contract: Contract) -> list[str]:
    """The first bad rows as they came, sensitive columns left out."""
    if validation.quarantined.empty:
        return []
    hidden = {name for name, column in contract.columns.items() if column.sensitive}
    names = [name for name in validation.quarantined.columns if name not in hidden]
    names = [REASON, *(name for name in names if name != REASON)]
    rows = validation.quarantined[names].head(_SHOWN_ROWS)
    head = [str(name) for name in names]
    shown = f"<h2>Bad rows (the first {len(rows):,} of {len(validation.quarantined):,})</h2>"
    values = rows.astype(object).itertuples(index=False, name=None)
    return [shown, _table(head, ([_short(value) for value in row] for row in values))]


def _contract_rows(contract: Contract) -> Iterable[tuple[str, str, str]]:
    for name, column in contract.columns.items():
        yield name, column.dtype, _rules(column)


def _rules(column: ColumnContract) -> str:
    declared = column.model_dump(mode="json", exclude_defaults=True, exclude={"dtype"})
    return "; ".join(f"{rule}: {_short(value)}" for rule, value in declared.items())


def _cells(violation: Violation) -> list[str]:
    return [
        violation.column or "(table)",
        violation.rule,
        violation.bound,
        violation.found,
        f"{violation.count:,}" if violation.kind == "row" else "",
        "; ".join(map(_sample, violation.samples)),
    ]


def _sample(sample: dict[str, Any]) -> str:
    values = ", ".join(f"{name}={_short(value)}" for name, value in sample.items() if name != "row")
    return f"row {sample['row']}: {values}"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    titles = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f'<div class="wide"><table><tr>{titles}</tr>{body}</table></div>'


def _markdown(cell: str) -> str:
    return cell.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")


def _short(value: object) -> str:
    text = "missing" if value is None or value is pd.NaT or value is pd.NA else str(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _plain(value: Any) -> Any:
    """Return what JSON can hold; numbers it has no word for, and times, as text."""
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float) and value - value != 0:
        return None if value != value else str(value)  # noqa: PLR0124 - NaN alone is not itself
    return value if isinstance(value, bool | int | float | str) else str(value)
