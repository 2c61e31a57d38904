"""Records that bring out where two ways to score a record part."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from random import Random
from typing import Any

from ml_platform.data.contract import ColumnContract
from ml_platform.training.model import Model

Record = dict[str, Any]

NUMBERS = (
    0.0, -0.0, 1.0, -1.0, 0.1, 5e-324, -5e-324, 1e-45, 1.1754942e-38, 1.17549435e-38,
    16777217.0, 3.4028234e38, 3.4028235677973366e38, -3.5e38, 1e308, -1e308, 1.7976931348623157e308,
)  # fmt: skip
"""Zeros, denormals of both precisions, what float32 cannot hold, and the ends of both."""

WHOLE = (0, 1, -1, 2**24 + 1, 2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1, -(2**63))
TEXTS = ("", " ", "no such category", "1", "1.0", "true", "nan", "None", "é", "\u0000", "😀")
TIMES = (
    datetime(1970, 1, 1),
    datetime(1677, 9, 22),
    datetime(2262, 4, 11),
    datetime(2012, 2, 29, 23, 59, 59, 999999),
)
MIXED = 200
"""Records of many odd values at once, beside those of one."""


def adversarial_records(
    model: Model, columns: Mapping[str, ColumnContract], *, seed: int = 0
) -> list[Record]:
    """Return checked records with odd values: each alone, then mixed by lot.

    Unknown, empty and wrongly written categories, nulls, extremes, denormals, the bounds of the
    contract; whether the contract allows them or not. The same for the same model.
    """
    values = {name: tuple(_values(model, name, columns.get(name))) for name in model.inputs}
    usual = {name: usual[0] for name, usual in values.items()}
    records = [usual | {name: value} for name, odd in values.items() for value in odd]
    random = Random(seed)
    records += [{name: random.choice(odd) for name, odd in values.items()} for _ in range(MIXED)]
    return records


def _values(model: Model, name: str, column: ColumnContract | None) -> Iterator[Any]:
    """Odd values of a column, a usual one first."""
    dtype = column.dtype if column is not None else "float64"
    yield from _declared(column)
    if name in model.features.categorical:
        yield from _categories(model, name)
    match dtype:
        case "int64":
            yield from WHOLE
        case "float64":
            yield from NUMBERS
        case "bool":
            yield from (True, False)
        case "datetime":
            yield from TIMES
        case _:
            yield from TEXTS
    yield None


def _declared(column: ColumnContract | None) -> Iterator[Any]:
    if column is None:
        return
    for bound in (column.min, column.max):
        if isinstance(bound, int | float):
            yield float(bound) if column.dtype == "float64" else bound
    yield from column.allowed or ()


def _categories(model: Model, name: str) -> Iterator[Any]:
    for block in model.encoder.blocks:
        if block.column == name:
            for category in block.categories:
                yield category
                if isinstance(category, str):
                    yield from (category.swapcase(), f" {category}", f"{category}\u0301")
