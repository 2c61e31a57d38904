"""Equal models measured beside each other: what the tolerances of gates can be taken from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_platform.evaluation.metrics.metric import Metric, Scores, Target
from ml_platform.evaluation.spread import FEWEST
from ml_platform.exceptions import MetricUnavailable
from ml_platform.gates.gate import Gate
from ml_platform.gates.opponent import Measuring, Rows, margin_or_reason
from ml_platform.gates.slice_no_regression import SliceNoRegression
from ml_platform.gates.sliced import slices_in
from ml_platform.plugins import Strict
from ml_platform.task import Task

Kind = Literal["resampled", "whole"]
"""Trained on rows drawn with replacement from the training rows, or on all of them."""

Floats = NDArray[np.float64]
Key = tuple[str, str]
"""A metric and a slice, such as `origin=JFK`; "" is the whole holdout."""

KEPT = 3
"""Resampled fits whose scores are kept, to measure the interval of their differences."""

WHOLE = ""


class Fit(Strict):
    """One trained model: how, for how long, and what it reached on the holdout.

    metrics: None where one is not measurable.
    """

    kind: Kind
    seed: int
    seconds: float
    metrics: dict[str, float | None]


class BatchTiming(Strict):
    """Calls of one model with batches of one size, in turns with the model before it.

    p50_ms, p95_ms: milliseconds a call. ratio: median of its calls by those of the other; None
    for the first model.
    """

    batch: int
    p50_ms: float
    p95_ms: float
    ratio: float | None


@dataclass(frozen=True, eq=False)
class Judges:
    """What every fit is measured by.

    slices: row positions by name, of the gates that judge slices.
    wanted: the metrics that each slice is judged by.
    """

    task: Task
    target: Target
    metrics: Mapping[str, Metric]
    slices: Mapping[str, NDArray[np.int64]]
    wanted: frozenset[Key]

    def parts_of(self, gate: SliceNoRegression) -> list[str]:
        """The slices that a gate judges."""
        return [
            name
            for key, name in sorted(self.wanted)
            if key == gate.metric
            and gate.benchmark is None
            and name.partition("=")[0] in gate.columns
            and len(self.slices[name]) >= gate.min_rows
        ]

    def measure(self, scores: Scores) -> dict[Key, float]:
        """Every metric of the holdout and of the slices; NaN where not measurable."""
        values = {
            (key, WHOLE): _measured(metric, self.target, scores)
            for key, metric in self.metrics.items()
        }
        for key, name in sorted(self.wanted):
            rows = self.slices[name]
            values[key, name] = _measured(self.metrics[key], self.target[rows], scores[rows])
        return values


def judges_of(
    gates: Iterable[Gate[Any]],
    *,
    task: Task,
    target: Target,
    metrics: Iterable[Metric],
    holdout: pd.DataFrame,
) -> Judges:
    """Prepare the slices of enough rows of those gates that compare them with the champion's."""
    slices: dict[str, NDArray[np.int64]] = {}
    wanted: set[Key] = set()
    for gate in gates:
        if isinstance(gate, SliceNoRegression) and gate.benchmark is None:
            for name, rows in slices_in(holdout, gate.columns):
                if len(rows) >= gate.min_rows:
                    slices[name] = rows
                    wanted.add((gate.metric, name))
    return Judges(task, target, {m.key: m for m in metrics}, slices, frozenset(wanted))


@dataclass(frozen=True, eq=False)
class Evidence:
    """What was measured of the equal models.

    values: of every fit, in the order of `fits`.
    scores: of the first resampled fits.
    timings: of every model by batch size; empty where latency was not measured.
    latency_problem: why it was not.
    confidence: of gates that declare none.
    """

    judges: Judges
    fits: Sequence[Fit]
    values: Sequence[Mapping[Key, float]]
    scores: Sequence[Scores]
    timings: Mapping[int, Sequence[BatchTiming]] = field(
        default_factory=dict[int, Sequence[BatchTiming]]
    )
    latency_problem: str = ""
    confidence: float = 0.95
    seed: int = 0

    def spread_of(self, key: str, part: str = WHOLE, *, kind: Kind = "resampled") -> Floats:
        """The measured values of all fits of a kind."""
        found = [
            values.get((key, part), float("nan"))
            for fit, values in zip(self.fits, self.values, strict=True)
            if fit.kind == kind
        ]
        array = np.array(found, dtype=np.float64)
        return array[np.isfinite(array)]

    def paired_half(self, key: str, how: Measuring, part: str = WHOLE) -> float | str:
        """Half of the paired interval of two resampled fits: the widest, or why there is none."""
        halves: list[float] = []
        for scores, others in pairwise(self.scores):
            margin = margin_or_reason(self._rows(scores, others, part), self._metric(key), how)
            if isinstance(margin, str):
                return margin
            halves.append((margin.high - margin.low) / 2)
        return max(halves)

    def own_half(self, key: str, how: Measuring) -> float | str:
        """Half of the interval of one fit's own metric, or why there is none."""
        rows = self._rows(self.scores[0], None, WHOLE)
        margin = margin_or_reason(rows, self._metric(key), how)
        return margin if isinstance(margin, str) else (margin.high - margin.low) / 2

    def ratios(self, batch: int) -> Floats:
        """How much longer each model took than the one before it, (models - 1,)."""
        found = (timing.ratio for timing in self.timings[batch])
        return np.array([ratio for ratio in found if ratio is not None], dtype=np.float64)

    def _metric(self, key: str) -> Metric:
        return self.judges.metrics[key]

    def _rows(self, scores: Scores, others: Scores | None, part: str) -> Rows:
        target = self.judges.target
        every = Rows(self.judges.task, np.arange(len(target)), target, scores, others)
        return every if part == WHOLE else every.at(self.judges.slices[part])


def _measured(metric: Metric, target: Target, scores: Scores) -> float:
    try:
        return metric.measure(target, scores)
    except MetricUnavailable:
        return float("nan")


def enough(values: Floats) -> str:
    """Why the values are too few; "" where they suffice."""
    if len(values) >= FEWEST:
        return ""
    return f"it could be measured in {len(values)} resampled fits only ({FEWEST} are needed)"
