"""The rules of a contract, each in two forms: does it hold, and where does it not.

Whether a rule holds is asked of every column of every table, so it is answered by one reduction
over the column. Which rows break it is asked of failing rules alone.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_platform.data.contract import ColumnContract

Mask = NDArray[np.bool_]
Kind = Literal["row", "table"]


@dataclass(frozen=True)
class Rule:
    """One thing that a contract demands.

    column: what it is about; None for the table.
    name: such as `min`. bound: what would be valid, for people.
    kind: `row` where single rows break it, `table` where the whole does.
    holds: of the column's Series, or of the frame where `column` is None.
    broken: the rows that break it; of kind `row` alone.
    found: what was found instead, for people; of kind `table` alone.
    columns: what samples show.
    """

    column: str | None
    name: str
    bound: str
    kind: Kind
    holds: Callable[[Any], bool]
    broken: Callable[[Any], Mask] | None = None
    found: Callable[[Any], str] | None = None
    columns: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """A name that no other rule of the contract has."""
        return f"{self.column or ''}/{self.name}"


def row_rules(name: str, column: ColumnContract) -> Iterator[Rule]:
    """Yield the rules that each value of a column obeys."""

    def rule(rule_name: str, bound: str, holds: Any, broken: Any) -> Rule:
        return Rule(name, rule_name, bound, "row", holds, broken=broken, columns=(name,))

    if not column.nullable:
        yield rule("nullable", "no missing value", lambda s: not s.isna().any(), _missing)
    if column.dtype == "float64":
        yield rule("finite", "no infinite value", _is_finite, lambda s: np.isinf(s.to_numpy()))
    if column.min is not None:
        low = _bound(column.min, column)
        yield rule("min", f">= {column.min}", _at_least(low), lambda s: _true(s < _like(low, s)))
    if column.max is not None:
        high = _bound(column.max, column)
        yield rule("max", f"<= {column.max}", _at_most(high), lambda s: _true(s > _like(high, s)))
    if column.allowed is not None:
        allowed = frozenset(column.allowed)
        bound = "one of " + ", ".join(map(str, column.allowed[:20]))
        bound += f", ... ({len(allowed)} values)" if len(column.allowed) > 20 else ""
        yield rule(
            "allowed",
            bound,
            lambda s: allowed.issuperset(_distinct(s)),
            lambda s: (s.notna() & ~s.isin(allowed)).to_numpy(dtype=bool),
        )
    if column.pattern is not None:
        form = re.compile(column.pattern)
        yield rule(
            "pattern",
            f"matches {column.pattern}",
            lambda s: all(form.fullmatch(text) for text in _distinct(s)),
            lambda s: s.isin([t for t in _distinct(s) if not form.fullmatch(t)]).to_numpy(),
        )
    if column.unique:
        yield rule(
            "unique",
            "no value twice",
            _is_unique,
            lambda s: _true(s.duplicated(keep=False)) & ~_missing(s),
        )


def statistic_rules(name: str, column: ColumnContract) -> Iterator[Rule]:
    """Yield the rules that a column as a whole obeys."""
    fraction = column.max_null_fraction
    if column.nullable and fraction is not None:
        yield Rule(
            name,
            "max_null_fraction",
            f"<= {fraction:g} missing",
            "table",
            lambda s: bool(s.isna().mean() <= fraction),
            found=lambda s: f"{s.isna().mean():.4g} missing",
            columns=(name,),
        )
    most = column.max_nulls
    if most is not None:
        yield Rule(
            name,
            "max_nulls",
            f"<= {most:,} missing",
            "table",
            lambda s: bool(s.isna().sum() <= most),
            found=lambda s: f"{s.isna().sum():,} missing",
            columns=(name,),
        )
    if column.nullable and fraction != 1:
        yield Rule(
            name,
            "all_null",
            "some value; `max_null_fraction: 1` allows none",
            "table",
            lambda s: len(s) == 0 or bool(s.notna().any()),
            found=lambda s: f"all {len(s):,} values are missing",
            columns=(name,),
        )
    measures: dict[str, tuple[tuple[float, float] | None, Callable[[Any], float]]] = {
        "mean": (column.mean, lambda s: s.mean()),
        "median": (column.median, lambda s: s.median()),
        "stdev": (column.stdev, lambda s: s.std()),
    }
    for level, interval in column.quantiles.items():
        measures[f"quantile_{level:g}"] = (interval, _quantile(level))
    for measure, (interval, value) in measures.items():
        if interval is not None:
            yield _within(name, measure, interval, value)


def _within(
    name: str, measure: str, interval: tuple[float, float], value: Callable[[Any], float]
) -> Rule:
    low, high = interval

    def measured(series: Any) -> float | None:
        result = value(series)
        return None if pd.isna(result) else float(result)

    def holds(series: Any) -> bool:
        result = measured(series)
        return result is not None and low <= result <= high

    def found(series: Any) -> str:
        result = measured(series)
        return f"{measure} {result:.6g}" if result is not None else f"no {measure}: too few values"

    bound = f"{measure} in [{low:g}, {high:g}]"
    return Rule(name, measure, bound, "table", holds, found=found, columns=(name,))


def _quantile(level: float) -> Callable[[Any], float]:
    return lambda series: series.quantile(level)


def _missing(series: pd.Series) -> Mask:
    return series.isna().to_numpy(dtype=bool)


def _true(mask: pd.Series) -> Mask:
    """Return a comparison as a mask; with a missing value it is not true."""
    return mask.to_numpy(dtype=bool, na_value=False)


def _is_finite(series: pd.Series) -> bool:
    """Infinity shows in the extremes; `fmin` passes over NaN and makes no copy."""
    values = series.to_numpy()
    if not len(values):
        return True
    return not (np.isinf(np.fmin.reduce(values)) or np.isinf(np.fmax.reduce(values)))


def _smallest(series: pd.Series) -> Any:
    return (
        np.fmin.reduce(series.to_numpy())
        if series.dtype.kind in "fi" and _plain(series)
        else series.min()
    )


def _largest(series: pd.Series) -> Any:
    return (
        np.fmax.reduce(series.to_numpy())
        if series.dtype.kind in "fi" and _plain(series)
        else series.max()
    )


def _plain(series: pd.Series) -> bool:
    return isinstance(series.dtype, np.dtype) and len(series) > 0


def _at_least(low: Any) -> Callable[[pd.Series], bool]:
    def holds(series: pd.Series) -> bool:
        smallest = _smallest(series)
        return bool(pd.isna(smallest) or smallest >= _like(low, series))

    return holds


def _at_most(high: Any) -> Callable[[pd.Series], bool]:
    def holds(series: pd.Series) -> bool:
        largest = _largest(series)
        return bool(pd.isna(largest) or largest <= _like(high, series))

    return holds


def _bound(value: float | str, column: ColumnContract) -> Any:
    return pd.Timestamp(value) if column.dtype == "datetime" else value


def _like(bound: Any, series: pd.Series) -> Any:
    """Return a moment that can be compared with the series: naive moments count as UTC."""
    if not isinstance(bound, pd.Timestamp):
        return bound
    moment = bound if bound.tzinfo is not None else bound.tz_localize("UTC")
    return (
        moment if getattr(series.dtype, "tz", None) else moment.tz_convert("UTC").tz_localize(None)
    )


def _distinct(series: pd.Series) -> list[Any]:
    return [value for value in series.unique().tolist() if not pd.isna(value)]


def _is_unique(series: pd.Series) -> bool:
    """Ascending values, as ids often are, need no table of those seen."""
    if _plain(series) and series.dtype.kind == "i":
        values = series.to_numpy()
        if bool((values[1:] > values[:-1]).all()):
            return True
    return bool((series.dropna() if series.isna().any() else series).is_unique)
