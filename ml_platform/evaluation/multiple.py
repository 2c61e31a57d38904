"""Many questions at once: which p-values stand when one false alarm among them is rare enough."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Correction = Literal["holm", "bonferroni"]


def rejected(
    chances: Sequence[float], *, level: float, correction: Correction
) -> NDArray[np.bool_]:
    """Return which hypotheses fall, (k,), with at most `level` chance of a wrong one among them.

    chances: p-values. Bonferroni holds each against level / k; Holm (Scandinavian Journal of
    Statistics 6, 1979) the smallest against level / k, the next against level / (k - 1), and so
    on up to the first that stands, which never rejects less.

    >>> rejected([0.02, 0.001, 0.5], level=0.05, correction="holm").tolist()
    [True, True, False]
    >>> rejected([0.02, 0.001, 0.5], level=0.05, correction="bonferroni").tolist()
    [False, True, False]
    """
    values = np.asarray(chances, dtype=np.float64)
    k = len(values)
    if correction == "bonferroni":
        return values <= level / max(k, 1)
    order = np.argsort(values, kind="stable")
    stands = values[order] > level / np.arange(k, 0, -1)
    falls = np.empty(k, dtype=np.bool_)
    falls[order] = ~np.logical_or.accumulate(stands)
    return falls
