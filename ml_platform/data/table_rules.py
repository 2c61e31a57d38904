"""The rules that a contract has for rows across columns, and for the table."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ml_platform.data.contract import Contract, RowRule
from ml_platform.data.duration import format_duration
from ml_platform.data.expression import parse_expression
from ml_platform.data.rules import Mask, Rule
from ml_platform.exceptions import DataError, DeclarationError
from ml_platform.functions import load_function


def cross_column_rules(contract: Contract, *, folder: Path) -> Iterator[Rule]:
    """Yield the rules over several columns of a row.

    Raises DeclarationError when a rule names a function that there is not.
    """
    key = contract.table.unique
    if key:
        columns = list(key)
        yield Rule(
            None,
            f"unique({', '.join(key)})",
            "no combination of values twice",
            "row",
            lambda frame: not _duplicates(frame, columns, keep="first").any(),
            broken=lambda frame: _duplicates(frame, columns, keep=False),
            columns=key,
        )
    for rule in contract.table.rules:
        if rule.expression is not None:
            yield _expression_rule(rule, rule.expression)
        elif rule.function is not None:
            yield _function_rule(rule, rule.function, folder=folder)


def size_rules(contract: Contract) -> Iterator[Rule]:
    """Yield the rules over the number of rows."""
    least, most = contract.table.min_rows, contract.table.max_rows
    yield _table_rule("min_rows", f">= {least:,} rows", lambda frame: len(frame) >= least)
    if most is not None:
        yield _table_rule("max_rows", f"<= {most:,} rows", lambda frame: len(frame) <= most)


def freshness_rules(contract: Contract, *, event_time: str | None, now: datetime) -> Iterator[Rule]:
    """Yield the rule that the latest event is young enough; naive times count as UTC.

    Raises DeclarationError when there is a `max_age` but no `event_time` in the contract.
    """
    most = contract.table.max_age
    if most is None:
        return
    if event_time is None or event_time not in contract.columns:
        raise DeclarationError("table.max_age needs data.event_time, a column of the contract")

    def found(series: pd.Series) -> str:
        age = _age(series, now=now)
        return f"the latest event is {format_duration(age)} old" if age else "there is no event"

    def holds(series: pd.Series) -> bool:
        age = _age(series, now=now)
        return age is not None and age <= most

    bound = f"latest {event_time} at most {format_duration(most)} old"
    yield Rule(event_time, "max_age", bound, "table", holds, found=found, columns=(event_time,))


def _age(series: pd.Series, *, now: datetime) -> timedelta | None:
    latest = pd.to_datetime(series.max(), utc=True)
    moment = pd.to_datetime(now, utc=True)
    return None if pd.isna(latest) else (moment - latest).to_pytimedelta()


def _table_rule(name: str, bound: str, holds: Callable[[pd.DataFrame], bool]) -> Rule:
    return Rule(None, name, bound, "table", holds, found=lambda frame: f"{len(frame):,} rows")


def _duplicates(frame: pd.DataFrame, columns: list[str], *, keep: Any) -> Mask:
    """Mark rows whose key is there twice; a key with a missing value is like no other."""
    twice = frame.duplicated(columns, keep=keep).to_numpy()
    return twice & ~frame[columns].isna().any(axis=1).to_numpy() if twice.any() else twice


def _expression_rule(rule: RowRule, text: str) -> Rule:
    expression = parse_expression(text)

    def broken(frame: pd.DataFrame) -> Mask:
        try:
            return ~expression.holds(frame).to_numpy()
        except TypeError as error:
            raise DataError(f"rule {rule.name!r} ({text}) cannot be computed: {error}") from error

    columns = expression.columns
    return _row_rule(rule, text, broken, columns)


def _function_rule(rule: RowRule, path: str, *, folder: Path) -> Rule:
    function = load_function(path, folder=folder)

    def broken(frame: pd.DataFrame) -> Mask:
        result = function(frame)
        fine = np.asarray(result)
        if fine.shape != (len(frame),) or fine.dtype != np.bool_:
            raise DataError(
                f"rule {rule.name!r}: {path} returned {type(result).__name__} of shape "
                f"{fine.shape} and dtype {fine.dtype}, not {len(frame):,} booleans"
            )
        return ~fine

    return _row_rule(rule, path, broken, ())


def _row_rule(
    rule: RowRule, bound: str, broken: Callable[[Any], Mask], columns: tuple[str, ...]
) -> Rule:
    return Rule(
        None,
        rule.name,
        bound,
        "row",
        lambda frame: not broken(frame).any(),
        broken=broken,
        columns=columns,
    )
