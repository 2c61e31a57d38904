"""How an expectation becomes part of a contract, and why some cannot."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ml_platform.data.expectations.draft import Draft
from ml_platform.data.expectations.suite import Expectation

Carry = Callable[[Expectation, Draft], None]
BOUNDS = ("min_value", "max_value", "strict_min", "strict_max")


@dataclass(frozen=True)
class Carrier:
    """How one kind of expectation is carried over.

    carry: adds it to the draft; raises ValueError that says why it cannot.
    known: the arguments that it looks at. mostly: whether it knows what `mostly` means.
    """

    carry: Carry
    known: frozenset[str]
    mostly: bool = False


CARRIERS: dict[str, Carrier] = {}


def carries(
    *types: str, known: tuple[str, ...] = (), mostly: bool = False
) -> Callable[[Carry], Carry]:
    """Make a function the carrier of these kinds of expectation."""

    def register(carry: Carry) -> Carry:
        for kind in types:
            CARRIERS[kind] = Carrier(carry, frozenset(("column", "mostly", *known)), mostly)
        return carry

    return register


_NO_COUNT = "a contract names its columns; it does not count them"
_NO_FORMAT = "`dtype: datetime` reads ISO 8601; for another form there is `pattern`"
_ONE_BY_ONE = "a contract judges rows one by one; the gate `custom` sees them all"

NO_SUCH_RULE: Mapping[str, str] = {
    "expect_table_column_count_to_equal": _NO_COUNT,
    "expect_table_column_count_to_be_between": _NO_COUNT,
    "expect_column_kl_divergence_to_be_less_than": "the gate `contract_drift` does that",
    "expect_column_values_to_match_strftime_format": _NO_FORMAT,
    "expect_column_values_to_be_dateutil_parseable": _NO_FORMAT,
    "expect_column_values_to_match_like_pattern": "write it as a regular expression, `pattern`",
    "expect_column_values_to_be_increasing": _ONE_BY_ONE,
    "expect_column_values_to_be_decreasing": _ONE_BY_ONE,
    "unexpected_rows_expectation": "it is SQL; write it as a rule of `table.rules`",
}
