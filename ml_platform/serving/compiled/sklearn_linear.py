"""scikit-learn's linear models."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_platform.serving.compiled.links import Link, expit, identity, softmax
from ml_platform.task import Task
from ml_platform.training.trainers.sklearn import TILE_ROWS

CLASSIFIERS = frozenset({"LogisticRegression", "LogisticRegressionCV"})
REGRESSORS = frozenset(
    {"LinearRegression", "Ridge", "RidgeCV", "Lasso", "LassoCV", "ElasticNet", "ElasticNetCV"}
)


@dataclass(frozen=True, eq=False)
class Linear:
    """Rows times coefficients, in whole tiles as the pipeline multiplies them: see `TILE_ROWS`.

    coefficients: (width,) or (width, k), in the layout that the library multiplies.
    """

    coefficients: NDArray[np.float64]
    intercept: Any
    link: Link
    takes_missing: bool = False

    def __call__(self, rows: NDArray[np.float64], /) -> NDArray[np.float64]:
        """Score rows of shape (n, width)."""
        n = len(rows)
        tiles = np.zeros((max(-(-n // TILE_ROWS), 1) * TILE_ROWS, rows.shape[1]))
        tiles[:n] = rows
        sums = (tiles @ self.coefficients + self.intercept)[:n]
        if sums.ndim > 1 and sums.shape[1] == 1:
            sums = sums[:, 0]
        return self.link(sums)


def finish_of(estimator: Any, task: Task) -> Linear | None:
    """Return the compiled form of a fitted linear model, None for other estimators."""
    name = type(estimator).__name__
    coefficients: Any = getattr(estimator, "coef_", None)
    if task is Task.REGRESSION:
        if name not in REGRESSORS or np.ndim(coefficients) != 1:
            return None
        return Linear(np.asarray(coefficients), estimator.intercept_, identity)
    if name not in CLASSIFIERS:
        return None
    link = expit if task is Task.BINARY else softmax
    return Linear(np.asarray(coefficients).T, estimator.intercept_, link)
