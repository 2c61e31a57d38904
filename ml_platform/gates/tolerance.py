"""The rule by which an uncertain number is judged, the same in every gate that compares.

A *margin* is how much better than its reference the candidate is: than the champion, than a
floor, than a ceiling; below zero it is worse. With the tolerance t and the margin's central
interval at the confidence:

failed
    The margin lies below -t and its whole interval below 0: worse is proven, and by more than
    is tolerated.
passed
    The margin is at least -t and its whole interval at least -2 t: within the tolerance, and
    twice the tolerance is excluded.
inconclusive
    Anything else: the interval is too wide to tell a margin of 0 from one of -2 t.

So at 95 % a candidate that is equal fails at most 2.5 % of the time and one that is worse by 2 t
passes at most 2.5 % of the time, whatever the number of rows. Once half of the interval is no
wider than t nothing is inconclusive any more, and an equal candidate is let through at least
97.5 % of the time. At a true margin of -t, the middle, either verdict is as likely.

These are two one-sided tests with an indifference zone between 0 and -2 t (Wald, Sequential
Analysis, 1947; the test for `passed` is the one of non-inferiority at a margin of 2 t). To ask
for a proof that the tolerance itself is kept would need four times the rows for the same rates.

Of several margins, one for each slice, all must pass, which needs no correction (the
intersection-union test, Berger, 1982); `failed` takes one whose p-value stands the correction.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ml_platform.evaluation.estimates import Estimate
from ml_platform.evaluation.multiple import Correction, rejected
from ml_platform.gates.result import Verdict


def verdict_of(margin: Estimate, *, tolerance: float) -> Verdict:
    """Judge one margin."""
    return _verdict(margin, tolerance, proven=margin.high < 0)


def verdicts_of(
    margins: Sequence[Estimate],
    *,
    tolerance: float,
    correction: Correction,
    chances: Sequence[float] | None = None,
) -> list[Verdict]:
    """Judge several margins of one confidence.

    chances: one-sided p-values of margins so low where the truth is 0; else from their intervals.
    """
    proven = _proven_worse(margins, correction, chances)
    return [_verdict(m, tolerance, proven=bool(p)) for m, p in zip(margins, proven, strict=True)]


def overall(verdicts: Sequence[Verdict]) -> Verdict:
    """One failure fails; else one that cannot be told cannot be told; none at all neither."""
    if "failed" in verdicts:
        return "failed"
    return "inconclusive" if not verdicts or "inconclusive" in verdicts else "passed"


def rows_to_tell(margin: Estimate, *, tolerance: float) -> int | None:
    """Rows at which half of the interval would about be the tolerance, or the margin; or None."""
    wanted = tolerance or abs(margin.value)
    if wanted == 0:
        return None
    return int(np.ceil(margin.rows * ((margin.high - margin.low) / 2 / wanted) ** 2))


def _proven_worse(
    margins: Sequence[Estimate], correction: Correction, chances: Sequence[float] | None
) -> NDArray[np.bool_]:
    if not margins:
        return np.zeros(0, dtype=np.bool_)
    values = chances if chances is not None else [m.chance_below_zero() for m in margins]
    level = (1 - margins[0].confidence) / 2
    return rejected(values, level=level, correction=correction)


def _verdict(margin: Estimate, tolerance: float, *, proven: bool) -> Verdict:
    if margin.value < -tolerance:
        return "failed" if proven else "inconclusive"
    return "passed" if margin.low >= -2 * tolerance else "inconclusive"
