"""A Great Expectations suite as a contract, and exactly what of it is lost on the way."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ml_platform.data.contract import Contract
from ml_platform.data.expectations.carriers import CARRIERS, NO_SUCH_RULE, Carrier
from ml_platform.data.expectations.draft import ColumnDraft, Draft
from ml_platform.data.expectations.suite import Expectation, read_suite
from ml_platform.exceptions import DeclarationError

_ABOUT_NUMBERS = re.compile(r"_(values|mean|median|stdev|min|max|sum)_to_be_between$")


@dataclass(frozen=True)
class Remark:
    """Something that one expectation says and the contract does not.

    number: its place in the suite, from 1; column: None where it is about several or the table.
    why: for people.
    """

    number: int
    expectation: str
    column: str | None
    why: str

    def __str__(self) -> str:
        """One line: which, where, why."""
        place = f" ({self.column})" if self.column else ""
        return f"{self.number}. {self.expectation}{place}: {self.why}"


@dataclass(frozen=True)
class ImportedSuite:
    """What came of a suite.

    contract: the same as `Contract.model_validate(declared)`; declared: as in YAML, no defaults.
    expectations: how many the suite has.
    left_out: expectations that are not carried over at all.
    differences: expectations that are, though the contract says a little more or less.
    assumed: what the suite does not say and a contract must.
    """

    name: str | None
    contract: Contract
    declared: dict[str, Any]
    expectations: int
    left_out: tuple[Remark, ...]
    differences: tuple[Remark, ...]
    assumed: tuple[str, ...]

    @property
    def carried(self) -> int:
        """How many expectations the contract holds, as a whole or with a difference."""
        return self.expectations - len({remark.number for remark in self.left_out})


def import_suite(
    document: object, *, dtypes: Mapping[str, str] | None = None, version: int = 1
) -> ImportedSuite:
    """Turn a suite into a contract.

    document: as parsed from JSON or YAML, of any version of Great Expectations.
    dtypes: of columns whose type the suite does not tell; else it is supposed, and said so.
    version: of the contract.

    Raises DeclarationError when it is no suite, or names no column.
    """
    name, expectations = read_suite(document)
    draft, left_out = Draft(), list[Remark]()

    def leave_out(expectation: Expectation, why: str) -> None:
        left_out.append(_remark(expectation, why))

    for expectation in expectations:
        try:
            _carry(expectation, draft)
        except ValueError as why:
            leave_out(expectation, str(why))
    if not draft.columns:
        raise DeclarationError("the suite names no column; a contract needs at least one")
    assumed = list[str]()
    columns = {
        column.name: draft.finish(column, _dtype(column, draft, dtypes or {}, assumed), leave_out)
        for column in draft.columns.values()
    }
    declared = _declared(draft, columns, version, leave_out, expectations)
    return ImportedSuite(
        name=name,
        contract=Contract.model_validate(declared),
        declared=declared,
        expectations=len(expectations),
        left_out=tuple(sorted(left_out, key=lambda remark: remark.number)),
        differences=tuple(_remark(*pair) for pair in sorted(draft.differences, key=_place)),
        assumed=(*assumed, *_about_nulls(draft)),
    )


def _carry(expectation: Expectation, draft: Draft) -> None:
    """Add it to the draft. Raises ValueError that says why it cannot be carried over."""
    if expectation.column is not None:
        draft.column(expectation.column)  # it is there, whatever else is expected of it
        if _ABOUT_NUMBERS.search(expectation.type):
            draft.column(expectation.column).hint_of(expectation.kwargs)
    carrier = CARRIERS.get(expectation.type)
    if carrier is None:
        known = NO_SUCH_RULE.get(expectation.type, "a contract has no such rule")
        raise ValueError(known)
    _require_for_all_rows(expectation, carrier)
    carrier.carry(expectation, draft)
    unknown = sorted(expectation.kwargs.keys() - carrier.known - {"condition_parser"})
    if unknown:
        draft.differs(expectation, f"not looked at: {', '.join(unknown)}")
    if expectation.severity != "critical":
        draft.differs(expectation, f"its severity is {expectation.severity}; a contract blocks")


def _require_for_all_rows(expectation: Expectation, carrier: Carrier) -> None:
    for key, value in expectation.kwargs.items():
        if isinstance(value, dict) and any(str(inner).startswith("$") for inner in value):
            raise ValueError(f"its `{key}` is a parameter that is known only when a suite runs")
    condition = expectation.kwargs.get("row_condition")
    if condition is not None:
        raise ValueError(
            f"it is about the rows with {condition} only; a rule of `table.rules` can say that"
        )
    mostly = expectation.number_of("mostly")
    if mostly is None or carrier.mostly:
        return
    if not 0 <= mostly <= 1:
        raise ValueError(f"its `mostly` is {mostly:g}, not a share")
    if mostly < 1:
        raise ValueError(
            f"it has to hold for {mostly:.6g} of the values only, a rule of a contract for all; "
            f"add the rule with `on_invalid: quarantine` to have the others set aside"
        )


def _dtype(column: ColumnDraft, draft: Draft, dtypes: Mapping[str, str], assumed: list[str]) -> str:
    dtype, supposed = draft.dtype_of(column.name, dtypes)
    if supposed is not None:
        assumed.append(f"{column.name}: dtype {dtype}, {supposed}")
    return dtype


def _declared(
    draft: Draft,
    columns: dict[str, dict[str, Any]],
    version: int,
    leave_out: Any,
    expectations: list[Expectation],
) -> dict[str, Any]:
    table = dict(draft.table)
    if table.get("max_rows", 2**63) < table.get("min_rows", 1):
        counts = [one for one in expectations if "row_count" in one.type]
        leave_out(counts[-1], "it and another leave no number of rows that is valid")
        del table["max_rows"]
    if draft.rules:
        table["rules"] = [
            {"name": name, "expression": expression} for name, expression in draft.rules.items()
        ]
    return {"version": version, "columns": columns, **({"table": table} if table else {})}


def _about_nulls(draft: Draft) -> list[str]:
    silent = [column.name for column in draft.columns.values() if column.present is None]
    if not silent:
        return []
    return [
        f"{', '.join(silent)}: values may be missing, as nothing else is expected, but not all of "
        "them (max_null_fraction: 1 allows that)"
    ]


def _remark(expectation: Expectation, why: str) -> Remark:
    return Remark(expectation.number, expectation.type, expectation.column, why)


def _place(pair: tuple[Expectation, str]) -> int:
    return pair[0].number
