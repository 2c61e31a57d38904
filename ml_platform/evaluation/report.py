"""What an evaluation says; JSON-ready."""

from typing import Any

from pydantic import Field

from ml_platform.plugins import Strict
from ml_platform.task import Task


class MetricValue(Strict):
    """One measured metric.

    value: None where it is not measurable; `reason` then says why.
    low, high: confidence interval, where there is one.
    rows: the rows that it rests on.
    """

    key: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    rows: int
    reason: str | None = None
    greater_is_better: bool = True

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both ends, or None."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    @property
    def text(self) -> str:
        """For people: `0.812 [0.801, 0.823]`, or why there is no value."""
        if self.value is None:
            return f"not measurable: {self.reason}"
        ends = "" if self.interval is None else f" [{self.low:.4g}, {self.high:.4g}]"
        return f"{self.value:.4g}{ends}"


class SliceValue(Strict):
    """The metrics of the rows that have one value of a column.

    value: as text; a range for numbers of many values, `(missing)`, or `(other)`.
    sensitive: whether the column was declared as a sensitive attribute.
    """

    column: str
    value: str
    rows: int
    metrics: dict[str, MetricValue]
    sensitive: bool = False


class Evaluation(Strict):
    """How good one model version is on the holdout.

    class_rows: rows of each class, by its name; empty for regression.
    base_rate: share of the positive class (binary only).
    target_mean, score_mean: means of target and scores (binary and regression).
    confidence, rounds: of the bootstrap intervals.
    """

    task: Task
    rows: int
    metrics: dict[str, MetricValue]
    slices: tuple[SliceValue, ...] = ()
    class_rows: dict[str, int] = Field(default_factory=dict)
    base_rate: float | None = None
    target_mean: float | None = None
    score_mean: float | None = None
    confidence: float
    rounds: int
    seed: int

    def values(self) -> dict[str, float]:
        """The measurable metrics as plain numbers, for a tracker or a plot over time."""
        return {key: m.value for key, m in self.metrics.items() if m.value is not None}

    def table(self) -> list[dict[str, Any]]:
        """One flat record a metric and slice, the whole holdout first."""
        whole = SliceValue(column="", value="", rows=self.rows, metrics=self.metrics)
        return [
            {"column": part.column, "slice": part.value, **metric.model_dump(mode="json")}
            for part in (whole, *self.slices)
            for metric in part.metrics.values()
        ]
