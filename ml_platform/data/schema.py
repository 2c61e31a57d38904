"""A contract as a pandera schema."""

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ml_platform.data.contract import Contract
from ml_platform.data.rules import Rule, row_rules, statistic_rules
from ml_platform.data.table_rules import cross_column_rules, freshness_rules, size_rules

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema


def contract_row_rules(contract: Contract, *, folder: Path) -> list[Rule]:
    """Return the rules that single rows break."""
    rules = [rule for name, column in contract.columns.items() for rule in row_rules(name, column)]
    return [*rules, *cross_column_rules(contract, folder=folder)]


def contract_table_rules(
    contract: Contract, *, event_time: str | None, now: datetime
) -> list[Rule]:
    """Return the rules that only a table as a whole can break."""
    columns = contract.columns.items()
    rules = [rule for name, column in columns for rule in statistic_rules(name, column)]
    fresh = freshness_rules(contract, event_time=event_time, now=now)
    return [*rules, *size_rules(contract), *fresh]


def pandera_schema(
    contract: Contract, *, event_time: str | None, folder: Path, now: datetime
) -> "DataFrameSchema":
    """Return the whole contract as a schema for a frame that `coerce` has been over.

    Each check is named `column/rule` and answers for its whole column in one reduction, so a
    failure says which rule; `ml_platform.data.validation.validate` then finds the rows.
    """
    rules = [
        *contract_row_rules(contract, folder=folder),
        *contract_table_rules(contract, event_time=event_time, now=now),
    ]
    return schema_of(rules, columns=contract.columns)


def schema_of(
    rules: Iterable[Rule], *, columns: Iterable[str], raised: list[Exception] | None = None
) -> "DataFrameSchema":
    """Return a schema of these rules; the columns must all be there.

    raised: gets what a rule raises, which pandera would report as a failed check.
    """
    import pandera.pandas as pa

    checks: dict[str | None, list[Any]] = {name: [] for name in (None, *columns)}
    for rule in rules:
        check = _check(rule, [] if raised is None else raised)
        checks[rule.column].append(pa.Check(check, name=rule.key, ignore_na=False))
    return pa.DataFrameSchema(
        {name: pa.Column(nullable=True, checks=checks[name], name=name) for name in columns},
        checks=checks[None],
        strict=False,
    )


def broken_rules(frame: pd.DataFrame, rules: list[Rule]) -> list[Rule]:
    """Return those of `rules` that do not hold for `frame`, in their order.

    What a rule raises goes on to the caller.
    """
    import pandera.errors as pe

    names = dict.fromkeys(rule.column for rule in rules if rule.column is not None)
    raised: list[Exception] = []
    try:
        schema_of(rules, columns=names, raised=raised).validate(frame, lazy=True, inplace=True)
    except pe.SchemaErrors as errors:
        if raised:
            raise raised[0] from None
        failed = {str(getattr(error.check, "name", "")) for error in errors.schema_errors}
        return [rule for rule in rules if rule.key in failed]
    return []


def _check(rule: Rule, raised: list[Exception]) -> Callable[[Any], bool]:
    def holds(values: Any) -> bool:
        try:
            return bool(rule.holds(values))
        except Exception as error:
            raised.append(error)
            raise

    return holds
