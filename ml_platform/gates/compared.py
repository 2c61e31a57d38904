"""What the gates that judge rows with intervals have in common."""

from typing import ClassVar, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from ml_platform.evaluation.paired import Method
from ml_platform.gates.evidence import EvaluationEvidence
from ml_platform.gates.gate import Gate, Stage
from ml_platform.gates.opponent import Measuring

METRIC_KEY = r"^[A-Za-z][A-Za-z0-9_]*$"


class ComparingGate(Gate[EvaluationEvidence]):
    """Judges rows of the holdout by the rule of `gates.tolerance`.

    metric: the metric's key, such as `roc_auc` or `precision_at_5`.
    confidence: of the intervals, both ends together.
    method: `auto` is `delong` for the roc_auc of two classes, `bootstrap` for all else.
    rounds: of resampling.
    """

    stage: ClassVar[Stage] = Stage.EVALUATION_REPORT
    needs_rows: ClassVar[bool] = True

    metric: str = Field(pattern=METRIC_KEY)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    method: Method = "auto"
    rounds: int = Field(default=1_000, ge=200, le=100_000)

    @model_validator(mode="after")
    def _method_fits(self) -> Self:
        if self.method == "delong" and self.metric != "roc_auc":
            raise PydanticCustomError(
                "method_fits",
                "method delong is for roc_auc, not {metric} (valid: auto, bootstrap)",
                {"metric": self.metric},
            )
        return self

    @property
    def check_name(self) -> str:
        """`<type>_<key>`."""
        return f"{super().check_name}_{self.metric}"

    @property
    def metric_keys(self) -> tuple[str, ...]:
        """The one metric."""
        return (self.metric,)

    def measuring(self, seed: int) -> Measuring:
        """How it measures."""
        return Measuring(self.confidence, self.rounds, self.method, seed)
