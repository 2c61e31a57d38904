"""What a declaration may say about evaluation."""

from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from ml_platform.evaluation.benchmark import Benchmark
from ml_platform.evaluation.metrics.metric import METRICS, Metric
from ml_platform.exceptions import UnknownPlugin
from ml_platform.plugins import Declared, Strict
from ml_platform.task import Task

DEFAULTS: dict[Task, tuple[str, ...]] = {
    Task.BINARY: (
        "roc_auc",
        "average_precision",
        "log_loss",
        "brier",
        "accuracy",
        "balanced_accuracy",
        "f1",
        "precision",
        "recall",
        "expected_calibration_error",
    ),
    Task.MULTICLASS: ("accuracy", "balanced_accuracy", "f1_macro", "log_loss", "roc_auc"),
    Task.REGRESSION: ("rmse", "mae", "r2", "median_absolute_error"),
}


def metric_of_key(key: str) -> Metric:
    """Return the metric that a key alone tells, such as `roc_auc` or `precision_at_5`.

    Raises UnknownPlugin, which lists the names there are.
    """
    for cls in METRICS.usable().values():
        metric = cls.of_key(key)
        if metric is not None:
            return metric
    raise UnknownPlugin("metric", key, METRICS.usable())


def metric_names(task: Task) -> list[str]:
    """Return the names of the metrics that can measure the task."""
    return [name for name, cls in METRICS.usable().items() if task in cls.tasks]


def default_metrics(task: Task) -> tuple[Metric, ...]:
    """Return what is measured where a declaration names no metrics."""
    return tuple(metric_of_key(key) for key in DEFAULTS[task])


def _from_shorthand(value: object) -> object:
    if not isinstance(value, str) or ":" in value:
        return {"type": value} if isinstance(value, str) else value
    try:
        return metric_of_key(value)
    except UnknownPlugin as error:
        if value in METRICS.names():
            return {"type": value}
        raise PydanticCustomError("unknown_plugin", "{text}", {"text": str(error)}) from error


DeclaredMetric = Annotated[Metric, Declared(METRICS), BeforeValidator(_from_shorthand)]


class EvaluationSpec(Strict):
    """What is measured on the holdout.

    metrics: names or mappings; the task's usual ones when empty.
    slices: columns whose values are also judged one by one.
    sensitive: the same, marked as attributes that a model must be fair about.
    bootstrap: rounds for the intervals; 0 for none.
    confidence: of the intervals.
    benchmarks: rows that are frozen once, and that every later version is judged by.
    evidently: whether Evidently sets the holdout beside the training rows, on a page.
    """

    metrics: tuple[DeclaredMetric, ...] = ()
    slices: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()
    bootstrap: int = Field(default=200, ge=0, le=100_000)
    confidence: float = Field(default=0.95, gt=0, lt=1)
    evidently: Literal["always", "never"] = Field(
        default="always", description="When Evidently's page is made: it takes seconds."
    )
    benchmarks: tuple[Benchmark, ...] = ()

    @model_validator(mode="after")
    def _no_benchmark_twice(self) -> Self:
        names = [benchmark.name for benchmark in self.benchmarks]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            text = "benchmark {name} is declared twice"
            raise PydanticCustomError("twice", text, {"name": twice[0]})
        return self

    @model_validator(mode="after")
    def _no_metric_twice(self) -> Self:
        keys = [metric.key for metric in self.metrics]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise PydanticCustomError("twice", "metric {key} is declared twice", {"key": twice[0]})
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that the holdout frame must have for the slices, each once."""
        return tuple(dict.fromkeys((*self.slices, *self.sensitive)))

    def metrics_for(self, task: Task, *, also: Iterable[str] = ()) -> tuple[Metric, ...]:
        """Return the metrics to measure: the declared, and those of the keys that gates need.

        Raises UnknownPlugin when a key is not known or a metric is not one of the task.
        """
        metrics = {m.key: m for m in self.metrics or default_metrics(task)}
        for key in also:
            metrics[key] = metrics.get(key) or metric_of_key(key)
        for metric in metrics.values():
            if task not in metric.tasks:
                raise UnknownPlugin(f"{task} metric", metric.key, metric_names(task))
        return tuple(metrics.values())
