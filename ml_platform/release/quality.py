"""How good versions are on rows whose labels are known: losses a row, which add up."""

import numpy as np
from numpy.typing import NDArray

from ml_platform.release.evidence import Moments

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Losses = dict[str, Floats]
"""The loss of each row (n,) by its name in `Counts.quality`; lower is better, NaN is not known."""

UNKNOWN = -1
"""The code of a label that a version does not know: it gives it no probability."""

_EPSILON = float(np.finfo(np.float64).eps)


def losses_of_classes(actual: Codes, decided: Codes, scores: Floats) -> Losses:
    """Return `error`, `log_loss` and `brier` of each row, as the metrics of these names do.

    actual: (n,) codes of the labels, or UNKNOWN. decided: (n,) codes of the answers.
    scores: (n,) probability of class 1, or (n, k) of each class; NaN where it is not known.
    Probabilities are kept a float64 epsilon away from 0 and 1, as the metric `log_loss` does.
    """
    losses = {"error": (actual != decided).astype(np.float64)}
    if scores.ndim == 1:
        given = np.choose(actual + 1, [np.zeros_like(scores), 1.0 - scores, scores])
        losses["brier"] = np.square(scores - (actual == 1))
    else:
        rows = np.arange(len(actual))
        with np.errstate(invalid="ignore"):
            shares = scores / scores.sum(axis=1, keepdims=True)
        own = shares[rows, np.maximum(actual, 0)]
        given = np.where(actual == UNKNOWN, 0.0 * own, own)
        losses["brier"] = np.square(shares).sum(axis=1) + np.where(
            actual == UNKNOWN, 0, 1 - 2 * own
        )
    losses["log_loss"] = -np.log(np.clip(given, _EPSILON, 1.0 - _EPSILON))
    return losses


def losses_of_values(actual: Floats, answered: Floats) -> Losses:
    """Return `squared_error` and `absolute_error` of each row; both (n,)."""
    with np.errstate(over="ignore"):
        error = actual - answered
        return {"squared_error": np.square(error), "absolute_error": np.abs(error)}


def moments_of(losses: Losses) -> dict[str, Moments]:
    """Return number, sum and sum of squares of each loss; rows that have none are left out."""
    return {name: _moments(values) for name, values in losses.items()}


def _moments(values: Floats) -> Moments:
    with np.errstate(over="ignore"):
        squares = np.square(values)
    kept = np.isfinite(squares)
    return Moments(int(kept.sum()), float(values[kept].sum()), float(squares[kept].sum()))
