"""A contract in the making: what a suite claims of each column, put together at the end."""

import keyword
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from ml_platform.data.contract import ColumnContract
from ml_platform.data.expectations.suite import Expectation
from ml_platform.data.expectations.wording import all_of, dtype_of_values, is_moment
from ml_platform.data.expression import parse_expression

_KEYWORDS = {*keyword.kwlist, "isnull", "notnull", "abs"}
Note = Callable[[Expectation, str], None]


@dataclass(frozen=True)
class Claim:
    """What one expectation demands of a column: a field of `ColumnContract` and its value.

    Two more rules there are here: `above` and `below`, bounds that are not valid themselves.
    """

    rule: str
    value: Any
    expectation: Expectation


@dataclass
class ColumnDraft:
    """The claims about one column.

    dtypes: as types are expected; hints: as other expectations let one suppose.
    present: least share of values that are not missing; None where nothing is said.
    """

    name: str
    claims: list[Claim] = field(default_factory=list[Claim])
    dtypes: list[str] = field(default_factory=list[str])
    hints: list[str] = field(default_factory=list[str])
    present: float | None = None

    def claim(self, rule: str, value: Any, expectation: Expectation) -> None:
        """Add a claim, and what it tells of the dtype."""
        self.claims.append(Claim(rule, value, expectation))
        if rule == "allowed":
            self.hints.append(dtype_of_values(value))
        elif rule == "pattern":
            self.hints.append("string")
        elif rule == "quantiles":
            self.hints.append("float64")

    def hint_of(self, kwargs: Mapping[str, Any]) -> None:
        """Take what bounds tell of the type, be they carried over or not."""
        for bound in (kwargs.get("min_value"), kwargs.get("max_value")):
            if is_moment(bound):
                self.hints.append("datetime")
            elif isinstance(bound, int | float):
                self.hints.append("float64")

    def require_present(self, share: float) -> None:
        """Demand that at least this share of the values is there."""
        self.present = max(share, self.present or 0.0)

    @property
    def supposed(self) -> str | None:
        """The dtype that the claims let one suppose; None when they tell nothing."""
        order = ("category", "string", "datetime", "bool", "int64", "float64")
        return next((dtype for dtype in order if dtype in self.hints), None)


@dataclass
class Draft:
    """Everything that a suite claims.

    table: fields of `TableContract`; rules: row rules, each an expression by its name.
    alike: columns that are compared with each other, and so have one dtype.
    """

    columns: dict[str, ColumnDraft] = field(default_factory=dict[str, ColumnDraft])
    table: dict[str, Any] = field(default_factory=dict[str, Any])
    rules: dict[str, str] = field(default_factory=dict[str, str])
    alike: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    differences: list[tuple[Expectation, str]] = field(
        default_factory=list[tuple[Expectation, str]]
    )

    def column(self, name: str) -> ColumnDraft:
        """The column of that name, new where nothing was said of it."""
        return self.columns.setdefault(name, ColumnDraft(name))

    def differs(self, expectation: Expectation, how: str) -> None:
        """Note in what a contract says something else than the expectation."""
        self.differences.append((expectation, how))

    def dtype_of(self, name: str, known: Mapping[str, str]) -> tuple[str, str | None]:
        """The dtype of a column, and how it is supposed where nobody tells it.

        It is what the suite expects, what is known, what its claims or those of a column that it
        is compared with let one suppose, and `string` at last.
        """
        column = self.columns[name]
        told = column.dtypes[-1] if column.dtypes else known.get(name)
        if told is not None:
            return told, None
        if column.supposed is not None:
            return column.supposed, "by its other expectations"
        for other in (one for group in self.alike if name in group for one in group):
            theirs = self.columns[other].dtypes
            dtype = theirs[-1] if theirs else known.get(other) or self.columns[other].supposed
            if dtype is not None:
                return dtype, f"as {other}, which it is compared with"
        return "string", "nothing in the suite tells"

    def add_rule(self, name: str, expression: str) -> None:
        """Add a row rule, once. Raises ValueError when it cannot be an expression."""
        parse_expression(expression)
        free, number = name, 1
        while self.rules.get(free, expression) != expression:
            number += 1
            free = f"{name}_{number}"
        self.rules[free] = expression

    def finish(self, column: ColumnDraft, dtype: str, left_out: Note) -> dict[str, Any]:
        """Put the claims of a column together; what is not for its dtype is left out."""
        attributes: dict[str, Any] = {"dtype": dtype, **_nulls(column.present)}
        for claim in column.claims:
            if claim.rule == "max_nulls" and not attributes.get("nullable"):
                continue  # no value may be missing, which is stricter
            try:
                rule, value = self._plain(column.name, dtype, claim)
                if rule is None:
                    continue
                merged = _merged(rule, attributes.get(rule), value)
                ColumnContract.model_validate({**attributes, rule: merged})
            except ValidationError as error:
                left_out(claim.expectation, error.errors()[0]["msg"].removeprefix("Value error, "))
            except ValueError as error:
                left_out(claim.expectation, str(error))
            else:
                attributes[rule] = merged
        return attributes

    def _plain(self, column: str, dtype: str, claim: Claim) -> tuple[str | None, Any]:
        """The claim as a field of the contract; None where it became a row rule."""
        if claim.rule not in ("above", "below"):
            return claim.rule, claim.value
        above = claim.rule == "above"
        bound = "min" if above else "max"
        if isinstance(claim.value, str):
            how = f"{claim.value} itself is valid: {bound} is inclusive"
            self.differs(claim.expectation, how)
        elif dtype == "int64":
            return bound, math.floor(claim.value) + 1 if above else math.ceil(claim.value) - 1
        elif dtype == "float64":
            sign = ">" if above else "<"
            self.add_rule(f"{column}_{claim.rule}_bound", f"{quoted(column)} {sign} {claim.value}")
            return None, None
        return bound, claim.value


def _nulls(present: float | None) -> dict[str, Any]:
    """What a contract says of missing values where this share has to be there."""
    if present == 1.0:
        return {}
    if present is None:
        return {"nullable": True}
    return {"nullable": True, "max_null_fraction": round(1 - present, 12)}


def quoted(column: str) -> str:
    """A column as row rules name it. Raises ValueError for a name that they cannot hold."""
    if "`" in column:
        raise ValueError(f"a row rule cannot name the column {column!r}")
    return column if column.isidentifier() and column not in _KEYWORDS else f"`{column}`"


def _merged(rule: str, known: Any, value: Any) -> Any:
    """Both of two claims. Raises ValueError when nothing can keep both."""
    if known is None:
        return value
    if rule in ("min", "max", "max_nulls"):
        return (max if rule == "min" else min)(known, value)
    if rule == "allowed":
        if both := [item for item in known if item in value]:
            return both
        raise ValueError("no value is in this set and in the other one for the column")
    if rule == "pattern":
        return all_of([known, value])
    if rule == "quantiles":
        return {**known, **_narrowed(known, value)}
    return value if rule == "unique" else _narrowest(known, value)


def _narrowed(known: Mapping[float, Any], new: Mapping[float, Any]) -> dict[float, Any]:
    return {level: _narrowest(known.get(level, ends), ends) for level, ends in new.items()}


def _narrowest(one: list[float], other: list[float]) -> list[float]:
    low, high = max(one[0], other[0]), min(one[1], other[1])
    if low > high:
        raise ValueError(f"[{low:g}, {high:g}] is left of it and of the other one for the column")
    return [low, high]
