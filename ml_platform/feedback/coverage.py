"""Who is labeled among whom, counted for many variables in one pass over the predictions."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ml_platform.feedback.audit import Coverage, Kind
from ml_platform.feedback.duck import quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MOST_GROUPS = 20
"""Values that are groups of their own, the rest is one; numbers of more are cut at quantiles."""

_RANGES: dict[Kind, int] = {"slice": 4, "score band": 10, "column": 10}
_NUMBERS = ("DOUBLE", "BIGINT", "INTEGER", "FLOAT")
MISSING, OTHER = "(missing)", "(other)"


@dataclass(frozen=True)
class Variable:
    """What predictions are divided by: a column of the inference table.

    name: for people.
    """

    name: str
    column: str
    kind: Kind


@dataclass(frozen=True)
class Coded:
    """A variable as a column of small numbers in the table `coded`; groups by number."""

    variable: Variable
    column: str
    groups: tuple[str, ...]


def code_table(
    duck: "DuckDBPyConnection", variables: Sequence[Variable], columns: Mapping[str, str]
) -> list[Coded]:
    """Make the table `coded` of the view `judged`: labeled, random, and one number a variable.

    columns: of the view, with their types; times and lists divide nothing and are left out.
    """
    fit = [each for each in variables if columns[each.column] in (*_NUMBERS, "VARCHAR", "BOOLEAN")]
    if not fit:
        duck.execute("CREATE OR REPLACE TEMP TABLE coded AS SELECT labeled, random FROM judged")
        return []
    wanted = ", ".join(_profile(each, columns[each.column]) for each in fit)
    [found] = duck.execute(f"SELECT {wanted} FROM judged").fetchall()
    coded, selected = [], ["labeled", "coalesce(random, false) AS random"]
    for place, each in enumerate(fit):
        distinct, top, edges = found[3 * place : 3 * place + 3]
        if edges is not None and distinct > MOST_GROUPS:
            text, groups = _ranges(each, edges)
        else:
            text, groups = _values(each, top or [])
        name = f"g{place}"
        selected.append(f"CAST({text} AS UTINYINT) AS {name}")
        coded.append(Coded(each, name, tuple(groups)))
    duck.execute(f"CREATE OR REPLACE TEMP TABLE coded AS SELECT {', '.join(selected)} FROM judged")
    return coded


def coverage_of(duck: "DuckDBPyConnection", coded: Coded, where: str) -> Coverage:
    """Count the predictions that a condition holds for, and those labeled, by group."""
    rows = duck.execute(
        f"SELECT {coded.column}, count(*), count(*) FILTER (labeled) FROM coded WHERE {where} "
        "GROUP BY 1"
    ).fetchall()
    counts = np.zeros((len(coded.groups), 2), np.int64)
    for place, predicted, labeled in rows:
        counts[place] = predicted, labeled
    kept = np.flatnonzero(counts[:, 0])
    return Coverage(
        variable=coded.variable.name,
        kind=coded.variable.kind,
        groups=tuple(coded.groups[place] for place in kept),
        predicted=counts[kept, 0],
        labeled=counts[kept, 1],
    )


def _profile(variable: Variable, type_: str) -> str:
    name = _name(variable)
    ranges = _RANGES.get(variable.kind, 10)
    levels = [i / ranges for i in range(1, ranges)]
    quantiles = f"approx_quantile({name}, {levels})" if type_ in _NUMBERS else "NULL"
    top = f"approx_top_k({name}::VARCHAR, {MOST_GROUPS})"
    return f"approx_count_distinct({name}), {top}, {quantiles}"


def _ranges(variable: Variable, edges: Sequence[float]) -> tuple[str, list[str]]:
    name, inner = _name(variable), sorted(set(edges))
    count = len(inner) + 1
    code = " + ".join(f"({name} > {edge!r})::INT" for edge in inner)
    ends = ["", *(f"{edge:.4g}" for edge in inner), ""]
    groups = [f"{low} to {high}".strip() for low, high in pairwise(ends)]
    return f"CASE WHEN {name} IS NULL THEN {count} ELSE {code} END", [*groups, MISSING]


def _values(variable: Variable, top: Sequence[Any]) -> tuple[str, list[str]]:
    name, values = _name(variable), sorted(str(value) for value in top if value is not None)
    count = len(values)
    listed = ", ".join(quoted(value) for value in values)
    place = f"coalesce(list_position([{listed}]::VARCHAR[], {name}::VARCHAR) - 1, {count})"
    groups = [_readable(value) if variable.kind == "decision" else value for value in values]
    return f"CASE WHEN {name} IS NULL THEN {count + 1} ELSE {place} END", [*groups, OTHER, MISSING]


def _readable(text: str) -> str:
    """A prediction, which is JSON, as people write it."""
    return str(json.loads(text)) if text.startswith('"') else text


def _name(variable: Variable) -> str:
    return '"' + variable.column.replace('"', '""') + '"'
