"""A benchmark: rows that are chosen once, frozen, and judged by every later version."""

from typing import Annotated

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, field_validator

from ml_platform.data.expression import Expression, parse_expression
from ml_platform.exceptions import DataError
from ml_platform.plugins import Strict


class Benchmark(Strict):
    """Rows of a holdout that satisfy an expression, frozen under a name.

    name: of the snapshot, and what a gate's `benchmark` says.
    where: an expression over columns of the contract, such as `origin == 'JFK' and distance > 500`;
        a row with a null in a column that it names is not chosen, unless it asks for nulls.
    most: of more rows that satisfy it, so many are drawn.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    where: Annotated[str, Field(min_length=1)]
    most: int = Field(default=20_000, ge=100, le=1_000_000)

    @field_validator("where")
    @classmethod
    def _parses(cls, where: str) -> str:
        parse_expression(where)
        return where

    @property
    def expression(self) -> Expression:
        """`where`, parsed."""
        return parse_expression(self.where)

    def choose(self, frame: pd.DataFrame, *, seed: int) -> NDArray[np.int64]:
        """Positions of the chosen rows (at most `most`,), ascending; a draw of them by the seed.

        Raises DataError when the columns do not have the types that the expression needs.
        """
        try:
            chosen = self.expression.selects(frame)
        except TypeError as error:
            raise DataError(
                f"benchmark {self.name}: where: {self.where!r} does not fit the columns: {error}"
            ) from error
        places = np.flatnonzero(chosen.to_numpy(bool))
        if len(places) > self.most:
            places = np.sort(np.random.default_rng(seed).choice(places, self.most, replace=False))
        return places.astype(np.int64)
