"""What a compiled estimator does: rows of numbers in, scores out."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Score = float | tuple[float, ...]
Scores = NDArray[np.float64]


class Unsupported(Exception):
    """An estimator has no compiled form; the text is the reason. It scores as it is, then."""


class Scorer(Protocol):
    """Scores encoded rows, bit for bit as the estimator that it was made of."""

    @property
    def dtype(self) -> type[np.float32] | type[np.float64]:
        """What the rows are made of."""
        ...

    def one(self, row: NDArray[Any], /) -> Score:
        """Score a row of shape (width,)."""
        ...

    def many(self, rows: NDArray[Any], /) -> Scores:
        """Score rows of shape (n, width); the shape of the result is told by `Task`."""
        ...
