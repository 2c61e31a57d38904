"""The 0/1 columns that stand for one categorical column."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ml_platform.exceptions import FeatureError
from ml_platform.features.values import Category, readable, token

if TYPE_CHECKING:
    import pandas as pd

VALID = "valid: text, finite numbers, booleans and null (derive other things in a transform)"


@dataclass(frozen=True)
class CategoryBlock:
    """Categories of a column in the order of their matrix columns.

    categories: numbers first, then text, each ascending.
    other: a last column stands for every value that is present and not in `categories`.
    """

    column: str
    categories: tuple[Category, ...]
    other: bool = False

    @classmethod
    def fit(cls, series: "pd.Series", column: str, *, max_categories: int) -> "CategoryBlock":
        """Learn the categories of a training column.

        Raises FeatureError when the values cannot be categories.
        """
        import pandas as pd

        try:
            codes, uniques = pd.factorize(series)
        except TypeError as error:
            raise FeatureError(f"categorical feature {column!r}: {error}; {VALID}") from error
        sizes = np.bincount(codes[codes >= 0], minlength=len(uniques))
        counts: Counter[str | float] = Counter()
        written: dict[str | float, Category] = {}
        for value, size in zip(uniques, sizes, strict=True):
            key = token(value)
            if key is None:
                found = f"{type(value).__name__} {str(value)[:40]!r}"
                raise FeatureError(f"categorical feature {column!r} holds {found}; {VALID}")
            counts[key] += int(size)
            written.setdefault(key, readable(value))
        frequent = sorted(counts, key=lambda key: (-counts[key], _order(key)))[:max_categories]
        return cls(
            column=column,
            categories=tuple(written[key] for key in sorted(frequent, key=_order)),
            other=len(counts) > max_categories,
        )

    @property
    def width(self) -> int:
        """How many matrix columns the block takes."""
        return len(self.categories) + self.other

    @property
    def names(self) -> tuple[str, ...]:
        """`column=category` of each matrix column; the shared last one is `column=(other)`."""
        texts = [
            str(category).lower() if isinstance(category, bool) else str(category)
            for category in self.categories
        ]
        return tuple(f"{self.column}={text}" for text in texts + ["(other)"] * self.other)

    @cached_property
    def lookup(self) -> dict[str | float | None, int]:
        """Position in the block of each category's token."""
        return {token(category): place for place, category in enumerate(self.categories)}

    @property
    def rest(self) -> int | None:
        """Position of what is not in `lookup`, null aside; None: it has no column."""
        return len(self.categories) if self.other else None

    def position(self, value: object) -> int | None:
        """Return the position of a value in the block, None where all columns are 0."""
        key = token(value)
        return None if key is None else self.lookup.get(key, self.rest)

    def positions(self, series: "pd.Series") -> NDArray[np.int64]:
        """Return `position` of every row, -1 for None; shape (n,)."""
        codes, uniques = _factorize(series)
        places = [self.position(value) for value in uniques]
        table = np.array([-1 if place is None else place for place in places] + [-1], np.int64)
        return table[codes]


def _order(key: str | float) -> tuple[bool, str | float]:
    return isinstance(key, str), key


def _factorize(series: "pd.Series") -> tuple[NDArray[np.intp], list[object]]:
    import pandas as pd

    try:
        codes, uniques = pd.factorize(series)
    except TypeError:  # unhashable values, such as lists: no category, but no crash either
        plain = [token(value) for value in series]
        codes, uniques = pd.factorize(pd.Series(plain, dtype=object))
    return codes, list(uniques)
