"""Gates that hold one metric of the holdout against a bound."""

from abc import abstractmethod
from typing import ClassVar

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from ml_platform.evaluation.report import MetricValue
from ml_platform.evaluation.spec import metric_of_key
from ml_platform.exceptions import UnknownPlugin
from ml_platform.gates.evidence import EvaluationEvidence
from ml_platform.gates.gate import Gate, Stage
from ml_platform.gates.result import GateResult, Verdict


class MetricBound(Gate[EvaluationEvidence]):
    """Holds a metric, or the worse end of its interval, against a bound.

    metric: the metric's key, such as `roc_auc` or `precision_at_5`.
    """

    stage: ClassVar[Stage] = Stage.EVALUATION_REPORT
    wants_greater: ClassVar[bool]
    instead: ClassVar[str]
    """The gate for metrics of the other direction."""

    metric: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")

    @field_validator("metric")
    @classmethod
    def _direction_fits(cls, key: str) -> str:
        try:
            metric = metric_of_key(key)
        except UnknownPlugin:
            return key
        if metric.greater_is_better is not cls.wants_greater:
            better = "greater" if metric.greater_is_better else "smaller"
            raise PydanticCustomError(
                "metric_direction",
                "{metric} is better when {better}; the gate for it is `{instead}`",
                {"metric": key, "better": better, "instead": cls.instead},
            )
        return key

    @property
    def check_name(self) -> str:
        """`minimum_metric_<key>`."""
        return f"{super().check_name}_{self.metric}"

    @property
    def metric_keys(self) -> tuple[str, ...]:
        """The one metric."""
        return (self.metric,)

    @property
    @abstractmethod
    def bound(self) -> float:
        """What the metric is held against."""

    @abstractmethod
    def measured(self, metric: MetricValue) -> float | None:
        """Return the value or the end of the interval that is judged; None without one."""

    @abstractmethod
    def verdict(self, value: float) -> tuple[Verdict, str]:
        """Judge the number; with the words that say how it lies to the bound."""

    def judge(self, evidence: EvaluationEvidence) -> GateResult:
        """Compare; a metric that could not be measured is inconclusive."""
        metric = evidence.evaluation.metrics.get(self.metric)
        if metric is None:
            known = ", ".join(evidence.evaluation.metrics)
            return self._cannot_tell(f"{self.metric} was not measured (measured: {known})", None)
        if metric.value is None:
            reason = f"{self.metric} is not measurable: {metric.reason}"
            return self._cannot_tell(reason, metric)
        value = self.measured(metric)
        if value is None:
            return self._cannot_tell(f"{self.metric} has no confidence interval", metric)
        verdict, words = self.verdict(value)
        return GateResult(
            verdict=verdict,
            value=value,
            bound=self.bound,
            interval=metric.interval,
            rows=metric.rows,
            reason=f"{self.metric} {value:.4g} {words} {self.bound:g} (n={metric.rows:,})",
        )

    def _cannot_tell(self, reason: str, metric: MetricValue | None) -> GateResult:
        rows = metric.rows if metric else None
        return GateResult(verdict="inconclusive", bound=self.bound, rows=rows, reason=reason)
