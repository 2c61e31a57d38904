"""What a team promises about its data: types, bounds and rules, as declared in YAML."""

import json
import re
from collections.abc import Iterable
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from ml_platform.data.duration import Duration
from ml_platform.data.expression import parse_expression
from ml_platform.plugins import Strict

Dtype = Literal["int64", "float64", "bool", "string", "category", "datetime"]
Value = bool | int | float | str
Interval = tuple[float, float]

NUMBERS: frozenset[str] = frozenset({"int64", "float64"})
TEXTS: frozenset[str] = frozenset({"string", "category"})
REASON = "_reason"
"""The column that says why a row is quarantined; no contract may have it."""

_DTYPES_OF: dict[str, frozenset[str]] = {
    "min": NUMBERS | {"datetime"},
    "max": NUMBERS | {"datetime"},
    "allowed": NUMBERS | TEXTS | {"bool"},
    "pattern": TEXTS,
    "mean": NUMBERS,
    "median": NUMBERS,
    "stdev": NUMBERS,
    "quantiles": NUMBERS,
}


class ColumnContract(Strict):
    """What holds for one column.

    dtype: the type after coercion; docs/contracts.md says what becomes what.
    nullable: whether a value may be missing.
    max_null_fraction: the largest fraction of missing values; only for a nullable column.
    max_nulls: the same as a number of rows.
    min, max: inclusive bounds; numbers, or ISO dates for a datetime.
    allowed: the only values there may be; text for string and category.
    pattern: a regular expression that the whole text must match.
    unique: no value twice; missing values do not count.
    mean, median, stdev: `[low, high]`, inclusive, of the statistic over the column.
    quantiles: the same for any quantile, as in `{0.99: [0, 300]}`.
    sensitive: personal or protected; reports show no samples of it.
    description: for people.
    """

    dtype: Dtype
    nullable: bool = False
    max_null_fraction: float | None = Field(default=None, ge=0, le=1)
    max_nulls: int | None = Field(default=None, ge=1)
    min: int | float | str | None = None
    max: int | float | str | None = None
    allowed: tuple[Value, ...] | None = Field(default=None, min_length=1)
    pattern: str | None = None
    unique: bool = False
    mean: Interval | None = None
    median: Interval | None = None
    stdev: Interval | None = None
    quantiles: dict[float, Interval] = Field(default={})
    sensitive: bool = False
    description: str | None = None

    @field_validator("min", "max", mode="before")
    @classmethod
    def _dates_as_text(cls, value: object) -> object:
        return value.isoformat() if isinstance(value, date) else value

    @field_validator("pattern")
    @classmethod
    def _pattern_compiles(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"{value!r} is not a regular expression: {error}") from error
        return value

    @field_validator("mean", "median", "stdev")
    @classmethod
    def _interval_in_order(cls, value: Interval | None) -> Interval | None:
        if value is not None and value[0] > value[1]:
            raise ValueError(f"[{value[0]:g}, {value[1]:g}] is empty; write [low, high]")
        return value

    @field_validator("quantiles")
    @classmethod
    def _quantiles_in_order(cls, value: dict[float, Interval]) -> dict[float, Interval]:
        for level, interval in value.items():
            if not 0 <= level <= 1:
                raise ValueError(f"quantile {level:g} is not between 0 and 1")
            cls._interval_in_order(interval)
        return value

    @field_validator("allowed")
    @classmethod
    def _allowed_of_the_dtype(
        cls, value: tuple[Value, ...] | None, info: Any
    ) -> tuple[Value, ...] | None:
        dtype = info.data.get("dtype")
        if value is None or dtype is None:
            return value
        for item in value:
            _require_type(item, dtype)
        return tuple(str(item) for item in value) if dtype in TEXTS else value

    @model_validator(mode="after")
    def _rules_fit_the_dtype(self) -> Self:
        for rule, dtypes in _DTYPES_OF.items():
            if getattr(self, rule) not in (None, {}) and self.dtype not in dtypes:
                raise ValueError(
                    f"`{rule}` is not for dtype {self.dtype} (valid for: {_listed(dtypes)})"
                )
        for rule in ("max_null_fraction", "max_nulls"):
            if getattr(self, rule) is not None and not self.nullable:
                raise ValueError(f"`{rule}` needs `nullable: true`")
        self._check_bounds()
        return self

    def _check_bounds(self) -> None:
        bounds: list[Any] = [bound for bound in (self.min, self.max) if bound is not None]
        if self.dtype == "datetime":
            bounds = [_moment(bound) for bound in bounds]
        elif any(isinstance(bound, str | bool) for bound in bounds):
            raise ValueError(f"min and max of dtype {self.dtype} are numbers, not {bounds}")
        if len(bounds) == 2 and bounds[0] > bounds[1]:
            raise ValueError(f"min {self.min} is above max {self.max}")


class RowRule(Strict):
    """A rule over the columns of one row; the row is fine where it is true.

    name: what reports call it.
    expression: see `ml_platform.data.expression`; or
    function: `module:name`, gets the coerced frame, returns a boolean Series of its length.
    """

    name: str = Field(min_length=1)
    expression: str | None = None
    function: str | None = Field(default=None, pattern=r"^[\w.]+:\w+$")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.expression is None) == (self.function is None):
            raise ValueError("a rule has either `expression` or `function`")
        if self.expression is not None:
            parse_expression(self.expression)
        return self


class TableContract(Strict):
    """What holds for the table as a whole.

    min_rows, max_rows: how many rows there may be, inclusive.
    unique: columns whose values together are not there twice.
    max_age: how old the latest event may be; needs `event_time`.
    extra_columns: what to do with columns that the contract does not know.
    rules: rules over several columns of a row.
    """

    min_rows: int = Field(default=1, ge=1)
    max_rows: int | None = Field(default=None, ge=1)
    unique: tuple[str, ...] = ()
    max_age: Duration | None = None
    extra_columns: Literal["fail", "drop"] = "drop"
    rules: tuple[RowRule, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.max_rows is not None and self.max_rows < self.min_rows:
            raise ValueError(f"max_rows {self.max_rows} is below min_rows {self.min_rows}")
        names = [rule.name for rule in self.rules]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two rules have the name {_listed(twice)}")
        return self


class Contract(Strict):
    """What a team promises about its data.

    version: raised by the team when the promise changes.
    columns: every column that is kept, by name.
    on_invalid: `fail` accepts no bad row; `quarantine` keeps bad rows apart, counted.
    max_quarantine_fraction: above it `quarantine` fails as well.
    """

    version: int = Field(ge=1)
    columns: dict[str, ColumnContract] = Field(min_length=1)
    table: TableContract = TableContract()
    on_invalid: Literal["fail", "quarantine"] = "fail"
    max_quarantine_fraction: float = Field(default=0.1, ge=0, le=1)

    @property
    def digest(self) -> str:
        """Hash of what it asks of rows (sha256, hex), whatever it is called and described as.

        What is not declared does not count, so that a rule which is new to the platform changes
        nothing where nobody uses it.
        """
        described = {"version": True, "on_invalid": True, "columns": {"__all__": {"description"}}}
        asked = self.model_dump(mode="json", exclude=described, exclude_defaults=True)
        return sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()

    @model_validator(mode="after")
    def _names_are_columns(self) -> Self:
        if REASON in self.columns or "" in self.columns:
            raise ValueError(f"a column cannot be called {REASON!r} or have no name")
        for column in self.table.unique:
            self._require_column(column, "table.unique")
        for rule in self.table.rules:
            for column in parse_expression(rule.expression).columns if rule.expression else ():
                self._require_column(column, f"rule {rule.name!r}")
        return self

    def _require_column(self, column: str, where: str) -> None:
        if column not in self.columns:
            raise ValueError(
                f"{where} names {column!r}, which is no column (valid: {_listed(self.columns)})"
            )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _moment(bound: int | float | str) -> datetime:
    try:
        moment = datetime.fromisoformat(str(bound))
    except ValueError as error:
        raise ValueError(f"{bound!r} is not an ISO date such as 2013-01-31") from error
    return moment.replace(tzinfo=None)


def _require_type(item: Value, dtype: str) -> None:
    valid: dict[str, tuple[type, ...]] = {"int64": (int,), "float64": (int, float), "bool": (bool,)}
    if isinstance(item, bool) and dtype != "bool":
        raise ValueError(
            f"`allowed` of dtype {dtype} has {item}; YAML reads bare yes, no, on, off, true, "
            'false as booleans: put text in quotes, as in "NO"'
        )
    if not isinstance(item, valid.get(dtype, (str, int, float))):
        raise ValueError(  # noqa: TRY004 - pydantic reports ValueError with its place
            f"`allowed` has {item!r}, which is not of dtype {dtype}"
        )
