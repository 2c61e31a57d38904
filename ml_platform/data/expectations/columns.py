"""Expectations about one column."""

import math
from typing import Any, cast

from ml_platform.data.expectations.carriers import BOUNDS, carries
from ml_platform.data.expectations.draft import ColumnDraft, Draft, quoted
from ml_platform.data.expectations.suite import Expectation, number
from ml_platform.data.expectations.wording import (
    any_of,
    dtype_of_names,
    is_moment,
    none_of,
    whole,
)

UNBOUNDED = 1e300
"""Stands for the open end of an interval: a contract holds finite numbers only."""

_SHARE = "expect_column_proportion_of_non_null_values_to_be_between"


def _of(expectation: Expectation, draft: Draft) -> ColumnDraft:
    return draft.column(expectation.text("column"))


@carries(
    "expect_column_values_to_be_of_type",
    "expect_column_values_to_be_in_type_list",
    known=("type_", "type_list"),
)
def _type(expectation: Expectation, draft: Draft) -> None:
    column = _of(expectation, draft)
    several = "type_list" in expectation.kwargs
    names = expectation.texts("type_list") if several else [expectation.text("type_")]
    column.dtypes.append(dtype_of_names(names))


@carries(
    "expect_column_values_to_be_between",
    known=(*BOUNDS, "parse_strings_as_datetimes", "allow_cross_type_comparisons"),
)
def _between(expectation: Expectation, draft: Draft) -> None:
    column = _of(expectation, draft)
    bounds = [
        ("min_value", "strict_min", "min", "above"),
        ("max_value", "strict_max", "max", "below"),
    ]
    given = [(expectation.kwargs[key], rest) for key, *rest in bounds if key in expectation.kwargs]
    if not given:
        raise ValueError("it has no bound")
    for value, _ in given:
        if not is_moment(value):
            number(value, "bound")
    for value, (strict, inclusive, exclusive) in given:
        rule = exclusive if expectation.flag(strict) else inclusive
        column.claim(rule, value, expectation)


@carries("expect_column_values_to_not_be_null", mostly=True)
def _not_null(expectation: Expectation, draft: Draft) -> None:
    share = expectation.number_of("mostly")
    _of(expectation, draft).require_present(1.0 if share is None else float(share))


@carries("expect_column_values_to_be_null", mostly=True)
def _null(expectation: Expectation, draft: Draft) -> None:
    _of(expectation, draft).require_present(0.0)
    draft.differs(expectation, "values may be missing, but none has to be")


@carries(_SHARE, "expect_column_null_proportion_to_be_between", known=BOUNDS)
def _null_share(expectation: Expectation, draft: Draft) -> None:
    of_present = expectation.type == _SHARE
    low, high = expectation.number_of("min_value"), expectation.number_of("max_value")
    least = low if of_present else None if high is None else 1 - high
    if least is None:
        raise ValueError("a contract has no rule that values have to be missing")
    _of(expectation, draft).require_present(float(least))
    if (high if of_present else low) not in (None, 1 if of_present else 0):
        draft.differs(expectation, "fewer missing values than that are valid too")


@carries("expect_column_null_count_to_be_between", known=BOUNDS)
def _null_count(expectation: Expectation, draft: Draft) -> None:
    high = expectation.number_of("max_value")
    if high is None:
        raise ValueError("a contract has no rule that values have to be missing")
    most = math.ceil(high) - 1 if expectation.flag("strict_max") else math.floor(high)
    if most < 0:
        raise ValueError("no number of missing values is that small")
    column = _of(expectation, draft)
    column.require_present(0.0 if most else 1.0)
    if most:
        column.claim("max_nulls", most, expectation)
    if expectation.number_of("min_value"):
        draft.differs(expectation, "fewer missing values than that are valid too")


_STATISTICS = {
    f"expect_column_{statistic}_to_be_between": statistic
    for statistic in ("mean", "median", "stdev", "min", "max")
}
_LEVELS = {"min": 0.0, "max": 1.0}


@carries(*_STATISTICS, known=(*BOUNDS, "parse_strings_as_datetimes"))
def _statistic(expectation: Expectation, draft: Draft) -> None:
    statistic = _STATISTICS[expectation.type]
    if any(is_moment(expectation.kwargs.get(key)) for key in ("min_value", "max_value")):
        _extreme_moment(expectation, draft, statistic)
        return
    ends = [expectation.number_of("min_value"), expectation.number_of("max_value")]
    interval = _interval(ends, least=0.0 if statistic == "stdev" else -UNBOUNDED)
    for strict, end in zip(("strict_min", "strict_max"), ends, strict=True):
        if end is not None and expectation.flag(strict):
            draft.differs(expectation, f"{end:g} itself is valid: the ends of an interval are")
    if statistic in _LEVELS:
        interval = {_LEVELS[statistic]: interval}
        statistic = "quantiles"
    _of(expectation, draft).claim(statistic, interval, expectation)


def _extreme_moment(expectation: Expectation, draft: Draft, statistic: str) -> None:
    """Of an interval for the first moment a contract holds the start, of the last the end."""
    held, lost = ("min_value", "max_value") if statistic == "min" else ("max_value", "min_value")
    if statistic not in _LEVELS or held not in expectation.kwargs:
        raise ValueError("a contract has no such rule for moments")
    _of(expectation, draft).claim(statistic, expectation.text(held), expectation)
    if lost in expectation.kwargs:
        draft.differs(expectation, f"its {lost} does not have to hold")


@carries(
    "expect_column_quantile_values_to_be_between",
    known=("quantile_ranges", "allow_relative_error"),
)
def _quantiles(expectation: Expectation, draft: Draft) -> None:
    ranges = expectation.kwargs.get("quantile_ranges")
    if not isinstance(ranges, dict):
        raise ValueError("it has no `quantile_ranges`")  # noqa: TRY004 - what is left out, and why
    written = cast("dict[str, Any]", ranges)
    pairs = zip(written.get("quantiles") or (), written.get("value_ranges") or (), strict=True)
    intervals = {float(level): _interval(list(ends)) for level, ends in pairs}
    if not intervals:
        raise ValueError("its `quantile_ranges` are empty")
    _of(expectation, draft).claim("quantiles", intervals, expectation)


def _interval(ends: list[Any], *, least: float = -UNBOUNDED) -> list[float]:
    low, high = (number(end, "bound") for end in ends)
    if low is None and high is None:
        raise ValueError("it has no bound")
    return [least if low is None else low, UNBOUNDED if high is None else high]


@carries(
    "expect_column_values_to_be_in_set",
    "expect_column_distinct_values_to_be_in_set",
    "expect_column_distinct_values_to_equal_set",
    known=("value_set", "parse_strings_as_datetimes"),
)
def _in_set(expectation: Expectation, draft: Draft) -> None:
    values = [value for value in expectation.values("value_set") if value is not None]
    if not values or not all(isinstance(value, bool | int | float | str) for value in values):
        raise ValueError("its `value_set` is not made of numbers, texts and booleans")
    _of(expectation, draft).claim("allowed", list(dict.fromkeys(values)), expectation)
    if expectation.type.endswith("equal_set"):
        draft.differs(expectation, "that each of the values is there does not have to hold")


@carries("expect_column_values_to_not_be_in_set", known=("value_set",))
def _not_in_set(expectation: Expectation, draft: Draft) -> None:
    name = _of(expectation, draft).name
    listed = repr(expectation.values("value_set"))
    draft.add_rule(f"{name}_not_in_set", f"{quoted(name)} not in {listed}")


@carries("expect_column_values_to_match_regex", known=("regex",))
def _regex(expectation: Expectation, draft: Draft) -> None:
    _of(expectation, draft).claim("pattern", whole(expectation.text("regex")), expectation)


@carries("expect_column_values_to_not_match_regex", known=("regex",))
def _not_regex(expectation: Expectation, draft: Draft) -> None:
    _of(expectation, draft).claim("pattern", none_of(expectation.text("regex")), expectation)


@carries("expect_column_values_to_match_regex_list", known=("regex_list", "match_on"))
def _regexes(expectation: Expectation, draft: Draft) -> None:
    regexes, column = expectation.texts("regex_list"), _of(expectation, draft)
    if expectation.kwargs.get("match_on", "any") == "all":
        for regex in regexes:
            column.claim("pattern", whole(regex), expectation)
    else:
        column.claim("pattern", any_of(regexes), expectation)


@carries(
    "expect_column_value_lengths_to_be_between",
    "expect_column_value_lengths_to_equal",
    known=(*BOUNDS, "value"),
)
def _lengths(expectation: Expectation, draft: Draft) -> None:
    exact = expectation.number_of("value")
    low, high = expectation.number_of("min_value"), expectation.number_of("max_value")
    low, high = (exact, exact) if exact is not None else (low, high)
    if low is None and high is None:
        raise ValueError("it has no bound")
    least = int(low or 0) + expectation.flag("strict_min")
    most = "" if high is None else int(high) - expectation.flag("strict_max")
    _of(expectation, draft).claim("pattern", f"(?s:.{{{least},{most}}})", expectation)


@carries("expect_column_values_to_be_unique")
def _unique(expectation: Expectation, draft: Draft) -> None:
    _of(expectation, draft).claim("unique", True, expectation)
