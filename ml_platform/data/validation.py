"""A frame judged by its contract: everything that is wrong with it, at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_platform.data.coercion import coerce, without_nulls
from ml_platform.data.contract import REASON, Contract
from ml_platform.data.rules import Mask, Rule
from ml_platform.data.schema import broken_rules, contract_row_rules, contract_table_rules

_SAMPLES = 5


@dataclass(frozen=True)
class Violation:
    """One rule that does not hold.

    column: None where the rule is about the table.
    bound: what would be valid; found: what there is.
    count: rows that break it; 1 for kind `table`.
    samples: up to five of these rows, `{"row": position, column: value as it came, ...}`; empty
        where a column is sensitive.
    """

    column: str | None
    rule: str
    bound: str
    found: str
    count: int
    kind: Literal["row", "table"]
    samples: tuple[dict[str, Any], ...] = ()

    def __str__(self) -> str:
        """One line: what, where, what would be valid."""
        place = f"{self.column}: " if self.column else ""
        return f"{place}{self.rule}: {self.found} (valid: {self.bound})"


@dataclass(frozen=True, eq=False)
class Validation:
    """What came of it.

    valid: rows without a violation, in the contract's dtypes and order of columns. It may share
        memory with the frame that was given: change neither in place.
    quarantined: the other rows as they came, and why in `_reason`.
    passed: whether `valid` may be used.
    rows: how many there were.
    dropped_columns: columns that the contract does not know and lets go.
    """

    valid: pd.DataFrame
    quarantined: pd.DataFrame
    violations: tuple[Violation, ...]
    passed: bool
    rows: int
    dropped_columns: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """One sentence for people."""
        text = f"{self.rows:,} rows, {len(self.quarantined):,} bad"
        broken = f"; {len(self.violations)} rules broken: " if self.violations else ""
        broken += "; ".join(map(str, self.violations[:3]))
        more = len(self.violations) - 3
        return f"{text}{broken}{f'; and {more} more' if more > 0 else ''}"


@dataclass(frozen=True)
class _Broken:
    """A row rule that does not hold, and where."""

    rule: Rule
    mask: Mask


def validate(
    frame: pd.DataFrame,
    contract: Contract,
    *,
    event_time: str | None,
    folder: Path,
    now: datetime,
) -> Validation:
    """Judge `frame`, report every violation, and divide good rows from bad ones.

    With `on_invalid: quarantine`, rows that break a rule are set apart and the rules about the
    table are asked of the rest; it passes unless one of those is broken or too many rows are bad.
    A missing column, a rule about the table, and under `fail` any bad row, is not passed.

    event_time: the column that `max_age` is about. folder: where rule functions are looked up.
    now: to measure age; naive means UTC.

    Raises DeclarationError when the contract asks what cannot be, and DataError when a rule
    cannot be computed. What a rule function raises goes on to the caller.
    """
    frame = _numbered(frame)
    shape, frame = _shape_violations(frame, contract)
    table, broken = _coerced(frame, contract)
    rules = [rule for rule in contract_row_rules(contract, folder=folder) if _asked(rule, table)]
    broken += _broken(rules, table, refused={item.rule.column: item.mask for item in broken})
    violations = shape + [_row_violation(item, frame, contract) for item in broken]
    bad = _any(broken, len(frame))
    good = table if bad is None else table[~bad]
    judged = good if contract.on_invalid == "quarantine" else table
    violations += _table_violations(judged, contract, event_time=event_time, now=now)
    quarantined = _quarantined(frame, bad, broken)
    violations += _too_many(len(quarantined), len(frame), contract)
    tolerated = contract.on_invalid == "quarantine"
    return Validation(
        valid=_finished(good, contract),
        quarantined=quarantined,
        violations=tuple(violations),
        passed=not any(v.kind == "table" or not tolerated for v in violations),
        rows=len(frame),
        dropped_columns=tuple(str(c) for c in frame.columns if c not in contract.columns),
    )


def _shape_violations(
    frame: pd.DataFrame, contract: Contract
) -> tuple[list[Violation], pd.DataFrame]:
    """Report missing, extra and doubled columns; of the doubled ones keep the first."""
    doubled = frame.columns.duplicated()
    found = [
        _table_violation(str(name), "columns", "each column once", "it is there twice")
        for name in frame.columns[doubled].unique()
    ]
    frame = frame.loc[:, ~doubled] if found else frame
    there = f"there are: {', '.join(map(str, frame.columns[:30])) or 'none'}"
    found += [
        _table_violation(name, "columns", "a column of this name", there)
        for name in contract.columns
        if name not in frame.columns
    ]
    extra = [str(name) for name in frame.columns if name not in contract.columns]
    if extra and contract.table.extra_columns == "fail":
        bound = "only columns of the contract; `extra_columns: drop` lets others go"
        found.append(_table_violation(None, "extra_columns", bound, ", ".join(extra[:30])))
    return found, frame


def _coerced(frame: pd.DataFrame, contract: Contract) -> tuple[pd.DataFrame, list[_Broken]]:
    columns: dict[str, pd.Series] = {}
    broken: list[_Broken] = []
    for name, column in contract.columns.items():
        if name in frame.columns:
            result = coerce(frame[name], column)
            columns[name] = result.values
            if result.refused is not None:
                rule = Rule(name, "dtype", column.dtype, "row", bool, columns=(name,))
                broken.append(_Broken(rule, result.refused))
    return pd.DataFrame(columns, index=frame.index, copy=False), broken


def _asked(rule: Rule, table: pd.DataFrame) -> bool:
    """A rule about a column that is missing is not asked; that it is missing is said already."""
    named = {rule.column, *rule.columns} - {None}
    return named.issubset(table.columns)


def _broken(
    rules: list[Rule], table: pd.DataFrame, *, refused: dict[str | None, Mask]
) -> list[_Broken]:
    """Find the rows that break rules; a refused value is reported as that, not as missing."""
    found: list[_Broken] = []
    for rule in broken_rules(table, rules):
        if rule.broken is None:
            raise TypeError(f"{rule.key} is of kind row and cannot say which rows")
        mask = rule.broken(table if rule.column is None else table[rule.column])
        if rule.name == "nullable" and rule.column in refused:
            mask &= ~refused[rule.column]
        if mask.any():
            found.append(_Broken(rule, mask))
    return found


def _any(broken: Sequence[_Broken], rows: int) -> Mask | None:
    if not broken:
        return None
    bad = np.zeros(rows, dtype=np.bool_)
    for item in broken:
        bad |= item.mask
    return bad


def _row_violation(item: _Broken, frame: pd.DataFrame, contract: Contract) -> Violation:
    rule, count = item.rule, int(item.mask.sum())
    columns = [name for name in rule.columns or contract.columns if name in frame.columns]
    secret = any(contract.columns[name].sensitive for name in columns)
    where = np.flatnonzero(item.mask)[:_SAMPLES]
    rows = frame.loc[where, columns].astype(object).to_dict("records") if not secret else []
    samples = tuple({"row": int(i), **row} for i, row in zip(where, rows, strict=False))
    found = f"{count:,} of {len(frame):,} rows"
    if samples and rule.column is not None:
        found += f", such as {samples[0][rule.column]!r} in row {samples[0]['row']}"
    return Violation(rule.column, rule.name, rule.bound, found, count, "row", samples)


def _table_violations(
    table: pd.DataFrame, contract: Contract, *, event_time: str | None, now: datetime
) -> list[Violation]:
    rules = contract_table_rules(contract, event_time=event_time, now=now)
    asked = [rule for rule in rules if _asked(rule, table)]
    return [
        _table_violation(
            rule.column,
            rule.name,
            rule.bound,
            rule.found(table if rule.column is None else table[rule.column]) if rule.found else "",
        )
        for rule in broken_rules(table, asked)
    ]


def _table_violation(column: str | None, rule: str, bound: str, found: str) -> Violation:
    return Violation(column, rule, bound, found, 1, "table")


def _too_many(bad: int, rows: int, contract: Contract) -> list[Violation]:
    most = contract.max_quarantine_fraction
    if contract.on_invalid != "quarantine" or bad <= most * rows:
        return []
    found = f"{bad:,} of {rows:,} rows are bad"
    return [_table_violation(None, "max_quarantine_fraction", f"<= {most:g} of the rows", found)]


def _quarantined(frame: pd.DataFrame, bad: Mask | None, broken: Sequence[_Broken]) -> pd.DataFrame:
    if bad is None:
        return frame.iloc[:0].assign(**{REASON: pd.Series(dtype=object)})
    rows = frame[bad]
    return rows.assign(**{REASON: _reasons(bad, broken)}).reset_index(drop=True)


def _reasons(bad: Mask, broken: Sequence[_Broken]) -> NDArray[np.object_]:
    """Name for each bad row the rules that it breaks; one text for each combination of them."""
    reasons = np.full(int(bad.sum()), "", dtype=object)
    for item in broken:
        here = item.mask[bad]
        label = f"{item.rule.column}: {item.rule.name}" if item.rule.column else item.rule.name
        known, inverse = np.unique(reasons[here].astype(str), return_inverse=True)
        longer = np.array([f"{text}; {label}" if text else label for text in known], dtype=object)
        reasons[here] = longer[inverse]
    return reasons


def _finished(good: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    columns = {name: without_nulls(good[name], contract.columns[name]) for name in good.columns}
    return _numbered(pd.DataFrame(columns, index=good.index, copy=False))


def _numbered(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with positions for an index; `reset_index` would copy the values."""
    numbered = frame.copy(deep=False)
    numbered.index = pd.RangeIndex(len(frame))
    return numbered
