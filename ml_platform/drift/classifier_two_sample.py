"""The drift test `classifier_two_sample`."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ml_platform.drift.bins import Binned, Counts
from ml_platform.drift.drift_test import CONFIDENCE, DRIFT_TESTS, DriftTest, Floats
from ml_platform.drift.noise import Noise, redrawn

SPLITS = 4
"""Splits into halves that the effect is the mean of: the more, the less it depends on the seed."""


@DRIFT_TESTS.register
class ClassifierTwoSample(DriftTest):
    """Classifier two-sample test: how well a classifier tells current rows from the reference's.

    It learns the likelihood ratio of each bin on one half of both samples and ranks the rows of
    the other half, and the other way round. The effect is its Gini there, 2 AUC - 1: 0 where it
    does no better than chance, 1 where it tells every row. The default threshold is where a
    normal column in ten bins has a population stability index of 0.2: moved by 0.46 standard
    deviations. Lopez-Paz and Oquab (2017), Revisiting Classifier Two-Sample Tests.
    """

    type: Literal["classifier_two_sample"] = "classifier_two_sample"
    threshold: float = Field(default=0.25, gt=0, le=1)

    def distance(self, reference: Floats, current: Floats, spacing: Floats | None) -> Floats:
        """The Gini of the likelihood ratio itself, which endless rows would teach."""
        found = _gini(_scores(reference, current, 0.0), reference, current)
        return np.clip(found, 0.0, 1.0)

    def noise(self, counted: Binned, *, alarms: float, seed: int) -> Noise:
        """The held-out Gini needs no noise taken off: by chance it is 0 in the mean.

        The upper bound lies higher by what half of the rows are too few to learn: how much the
        Gini held out from samples drawn again falls short of that of the bins they come from.
        """
        from scipy.special import ndtri, stdtrit

        rng = np.random.default_rng(seed)
        samples = counted.reference, counted.current
        rows = int(samples[0].sum()), int(samples[1].sum())
        own = samples[0] / rows[0], samples[1] / rows[1]
        common = (samples[0] + samples[1]) / sum(rows)
        measured = float(_held_out(samples, rng))
        chance = _held_out(redrawn((common, common), rows, rng), rng)
        again = _held_out(redrawn(own, rows, rng), rng)
        # With few bins the upper tail of chance is the longer one: its own spread, estimated.
        above = chance[chance > 0]
        spread = float(np.sqrt(np.mean(above**2))) if len(above) else 0.0
        quantile = float(stdtrit(max(1, len(above)), 1 - alarms))
        unlearned = max(0.0, float(self.distance(*own, counted.spacing) - again.mean()))
        value = min(max(0.0, measured), 1.0)
        reach = float(ndtri(CONFIDENCE)) * float(again.std())
        return Noise(
            value=value,
            low=max(0.0, value - reach),
            high=min(1.0, value + unlearned + reach),
            significant=measured > quantile * spread,
        )


def _held_out(samples: tuple[Counts, Counts], rng: np.random.Generator) -> Floats:
    """Return the cross-fitted Gini (...) of samples (..., b), the mean over the splits.

    Each row tosses a coin for its half, which of counts is a binomial draw a bin. So the halves
    are independent samples, as they would be of rows that are split one by one.
    """
    halves: list[list[Counts]] = [[], []]
    for counts in samples:
        heads = rng.binomial(counts, 0.5, size=(SPLITS, *counts.shape))
        halves[0].append(heads)
        halves[1].append(counts - heads)
    folds = [_fold(halves[0], halves[1]), _fold(halves[1], halves[0])]
    return np.mean(folds, axis=(0, 1))


def _fold(learned: list[Counts], judged: list[Counts]) -> Floats:
    """The Gini among the judged rows, by the ratio among the learned ones."""
    half_a_row = 0.5 / _rows(learned[0]) + 0.5 / _rows(learned[1])
    scores = _scores(_shares(learned[0]), _shares(learned[1]), half_a_row)
    return _gini(scores, _shares(judged[0]), _shares(judged[1]))


def _scores(reference: Floats, current: Floats, prior: Floats | float) -> Floats:
    """How likely a row of each bin is a current one, were both samples of one size.

    prior: added to the shares of both, so that a bin of few rows tells little, and one of none
        nothing.
    """
    both = reference + current + 2 * prior
    return np.divide(current + prior, both, out=np.full(both.shape, 0.5), where=both > 0)


def _gini(scores: Floats, reference: Floats, current: Floats) -> Floats:
    """2 AUC - 1 (...) of ranking bins (..., b) by their scores; equal scores count half.

    Summed in both orders of equal scores: the mean of the two is half.
    """
    total = np.zeros(scores.shape[:-1])
    upwards = np.argsort(scores, axis=-1, kind="stable")
    downwards = np.argsort(-scores, axis=-1, kind="stable")
    for order in (upwards, downwards[..., ::-1]):
        p = np.take_along_axis(reference, order, axis=-1)
        q = np.take_along_axis(current, order, axis=-1)
        total += (q * (np.cumsum(p, axis=-1) - p / 2)).sum(axis=-1)
    return total - reference.sum(axis=-1) * current.sum(axis=-1)


def _shares(counts: Counts) -> Floats:
    return counts / _rows(counts)


def _rows(counts: Counts) -> NDArray[np.int64]:
    """Rows (..., 1), one where there are none."""
    return np.maximum(counts.sum(axis=-1, keepdims=True), 1)
