"""The pipelines of the `sklearn` trainer without scikit-learn's checks of every call."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ml_platform.serving.compiled.scorer import Score, Scorer, Scores, Unsupported
from ml_platform.task import Task
from ml_platform.training.trainers.sklearn import SklearnEstimator

Matrix = NDArray[np.float64]


class Finish(Protocol):
    """What follows imputing and scaling."""

    takes_missing: bool

    def __call__(self, rows: Matrix, /) -> Scores:
        """Score prepared rows of shape (n, width); (n, k), or (n,) for one output."""
        ...


@dataclass(frozen=True, eq=False)
class SklearnScorer:
    """Fills, scales and scores rows as the pipeline does, number by number.

    fill: (width,) what stands for a missing number; mean, scale: (width,); None where not done.
    estimator: scores, or refuses, rows that the library checks for: infinite or missing numbers.
    """

    fill: Matrix | None
    mean: Matrix | None
    scale: Matrix | None
    finish: Finish
    estimator: SklearnEstimator
    dtype = np.float64

    def one(self, row: Matrix, /) -> Score:
        """Score a row of shape (width,)."""
        score = self.many(row.reshape(1, -1))[0]
        return float(score) if score.ndim == 0 else tuple(score.tolist())

    def many(self, rows: Matrix, /) -> Scores:
        """Score rows of shape (n, width)."""
        prepared = rows.copy() if self.fill is None else np.where(np.isnan(rows), self.fill, rows)
        with np.errstate(over="ignore", invalid="ignore"):
            if self.mean is not None:
                prepared -= self.mean
            if self.scale is not None:
                prepared /= self.scale
        if not self._accepted(prepared):
            return self.estimator.scores(rows)
        return self.finish(prepared)

    def _accepted(self, prepared: Matrix) -> bool:
        """Whether the library would take these numbers: those that float32 holds, or missing."""
        sizes = np.abs(prepared)
        if sizes.max(initial=0.0) <= _LARGEST:  # not where one is missing
            return True
        return self.finish.takes_missing and not (sizes > _LARGEST).any()


_LARGEST = float(np.finfo(np.float32).max)


def sklearn_scorer(estimator: SklearnEstimator) -> Scorer:
    """Compile a pipeline. Raises Unsupported for estimators without a compiled form."""
    fill = mean = scale = None
    *steps, last = [step for _, step in estimator.pipeline.steps]
    for step in steps:
        kind = type(step).__name__
        if kind == "SimpleImputer" and mean is None and scale is None:
            fill = np.asarray(step.statistics_, np.float64)
        elif kind == "StandardScaler":
            mean, scale = step.mean_, step.scale_
        else:
            raise Unsupported(f"the step {kind} has no compiled form")
    return SklearnScorer(fill, mean, scale, _finish(last, estimator.task), estimator)


def _finish(estimator: Any, task: Task) -> Finish:
    from ml_platform.serving.compiled import sklearn_linear, sklearn_trees

    for family in (sklearn_linear, sklearn_trees):
        finish = family.finish_of(estimator, task)
        if finish is not None:
            return finish
    raise Unsupported(f"scikit-learn's {type(estimator).__name__} has no compiled form")
