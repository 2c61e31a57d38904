"""Expectations about the table, and about several columns of it."""

from collections.abc import Callable
from itertools import combinations

from ml_platform.data.expectations.carriers import BOUNDS, carries
from ml_platform.data.expectations.draft import Draft, quoted
from ml_platform.data.expectations.suite import Expectation


@carries("expect_column_to_exist", known=("column_index",))
def _exist(expectation: Expectation, draft: Draft) -> None:
    draft.column(expectation.text("column"))
    if "column_index" in expectation.kwargs:
        draft.differs(expectation, "the place of a column does not matter to a contract")


@carries("expect_table_columns_to_match_set", known=("column_set", "exact_match"))
def _column_set(expectation: Expectation, draft: Draft) -> None:
    for name in expectation.texts("column_set"):
        draft.column(name)
    if expectation.flag("exact_match", default=True):
        draft.table["extra_columns"] = "fail"


@carries("expect_table_columns_to_match_ordered_list", known=("column_list",))
def _column_list(expectation: Expectation, draft: Draft) -> None:
    for name in expectation.texts("column_list"):
        draft.column(name)
    draft.table["extra_columns"] = "fail"
    draft.differs(expectation, "any order is valid: a contract puts columns into its own")


@carries("expect_table_row_count_to_be_between", known=BOUNDS)
def _row_count(expectation: Expectation, draft: Draft) -> None:
    low, high = expectation.number_of("min_value"), expectation.number_of("max_value")
    if low is None and high is None:
        raise ValueError("it has no bound")
    if low is not None:
        least = int(low) + expectation.flag("strict_min")
        draft.table["min_rows"] = max(draft.table.get("min_rows", 1), least, 1)
        if least < 1:
            draft.differs(expectation, "an empty table is never valid: min_rows is 1")
    if high is not None:
        most = int(high) - expectation.flag("strict_max")
        if most < 1:
            raise ValueError("a contract wants at least one row")
        draft.table["max_rows"] = min(draft.table.get("max_rows", most), most)


@carries("expect_table_row_count_to_equal", known=("value",))
def _row_count_equal(expectation: Expectation, draft: Draft) -> None:
    rows = expectation.number_of("value")
    if rows is None or rows < 1:
        raise ValueError("a contract wants at least one row")
    draft.table["min_rows"] = draft.table["max_rows"] = int(rows)


@carries("expect_compound_columns_to_be_unique", known=("column_list", "ignore_row_if"))
def _compound_unique(expectation: Expectation, draft: Draft) -> None:
    names = expectation.texts("column_list")
    known = draft.table.get("unique")
    if known is not None and set(known) != set(names):
        raise ValueError(f"a contract has one such key, and it is ({', '.join(known)}) already")
    for name in names:
        draft.column(name)
    draft.table["unique"] = names
    if expectation.kwargs.get("ignore_row_if") in ("never", "all_values_are_missing"):
        draft.differs(expectation, "a row with a missing value in the key is unlike any other")


_PAIR = ("column_A", "column_B", "or_equal", "ignore_row_if")


@carries(
    "expect_column_pair_values_a_to_be_greater_than_b",
    "expect_column_pair_values_A_to_be_greater_than_B",
    "expect_column_pair_values_to_be_equal",
    known=_PAIR,
)
def _pair(expectation: Expectation, draft: Draft) -> None:
    names = expectation.text("column_A"), expectation.text("column_B")
    equal = expectation.type.endswith("equal")
    sign = "==" if equal else ">=" if expectation.flag("or_equal") else ">"
    word = "equals" if equal else "above"
    _row_rule(expectation, draft, names, f"{names[0]}_{word}_{names[1]}", f" {sign} ".join)


@carries(
    "expect_select_column_values_to_be_unique_within_record",
    known=("column_list", "ignore_row_if"),
)
def _unlike(expectation: Expectation, draft: Draft) -> None:
    def each_pair(names: list[str]) -> str:
        return " and ".join(f"{one} != {other}" for one, other in combinations(names, 2))

    names = tuple(expectation.texts("column_list"))
    _row_rule(expectation, draft, names, f"{'_'.join(names)}_differ", each_pair)


@carries("expect_multicolumn_sum_to_equal", known=("column_list", "sum_total", "ignore_row_if"))
def _sum(expectation: Expectation, draft: Draft) -> None:
    total, names = expectation.number_of("sum_total"), tuple(expectation.texts("column_list"))
    if total is None:
        raise ValueError("it has no `sum_total`")
    for name in names:
        draft.column(name).hints.append("float64")
    name = f"{'_'.join(names)}_sum"
    _row_rule(expectation, draft, names, name, lambda terms: f"{' + '.join(terms)} == {total}")


def _row_rule(
    expectation: Expectation,
    draft: Draft,
    names: tuple[str, ...],
    rule: str,
    expression: Callable[[list[str]], str],
) -> None:
    draft.add_rule(rule, expression([quoted(name) for name in names]))
    for name in names:
        draft.column(name)
    draft.alike.append(names)
    if expectation.kwargs.get("ignore_row_if", "never") != "either_value_is_missing":
        draft.differs(expectation, "a row with a missing value in either column keeps the rule")
