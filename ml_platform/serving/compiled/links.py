"""From sums to probabilities as scikit-learn computes them, by the same functions of numpy."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Link = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def identity(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sums as they are."""
    return sums


def expit(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logistic function of the sums."""
    from scipy import special

    return special.expit(sums)


def softmax(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the softmax of each row; (n, k)."""
    powers = np.exp(sums - sums.max(axis=1).reshape(-1, 1))
    return powers / powers.sum(axis=1).reshape(-1, 1)
