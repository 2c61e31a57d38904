"""What a gate is."""

from abc import ABC, abstractmethod
from enum import StrEnum
from typing import Any, ClassVar, Generic, Literal, TypeVar

from ml_platform.evaluation.baseline import Costs
from ml_platform.gates.result import GateRecord, GateResult
from ml_platform.plugins import Plugin, Registry
from ml_platform.task import Task


class Stage(StrEnum):
    """The asset that a gate judges."""

    VALIDATED_DATA = "validated_data"
    TRAINED_MODEL = "trained_model"
    EVALUATION_REPORT = "evaluation_report"
    DEPLOYED_BENTO = "deployed_bento"


Evidence = TypeVar("Evidence")


class Gate(Plugin, ABC, Generic[Evidence]):
    """Judges evidence of one stage; what the evidence holds is told in `gates.evidence`.

    enforce: whether a failure stops the release or only warns.
    on_inconclusive: the same for "cannot tell".
    """

    stage: ClassVar[Stage]
    tasks: ClassVar[tuple[Task, ...]] = tuple(Task)
    """The kinds of target that it can judge; another one is an error of the declaration."""
    needs_rows: ClassVar[bool] = False
    """Whether it judges the rows of the holdout themselves, and the champion's scores of them."""
    noisy: ClassVar[bool] = False
    """Whether it measures time or memory; an unchanged version keeps its earlier record then."""

    enforce: Literal["block", "warn"] = "block"
    on_inconclusive: Literal["block", "warn"] = "block"

    @property
    def check_name(self) -> str:
        """Name of the asset check; unique for an asset, so parameters that distinguish join in."""
        return self.type.rpartition(":")[2]

    @property
    def metric_keys(self) -> tuple[str, ...]:
        """The metrics that the evaluation must measure for this gate."""
        return ()

    @property
    def divides_by(self) -> tuple[str, ...]:
        """The columns of the contract by whose values the gate divides the rows."""
        return ()

    @property
    def compares(self) -> bool:
        """Whether its verdict may rest on the champion, or on an accepted baseline in its place."""
        return False

    def accepted(self, costs: Costs) -> Any:
        """What it compares with of an accepted baseline, JSON-ready; None: nothing of it."""
        return None

    @abstractmethod
    def judge(self, evidence: Evidence) -> GateResult:
        """Return a verdict with its reason; not measurable is `inconclusive`, never an error."""

    @property
    def declared(self) -> dict[str, Any]:
        """The gate with all of its fields, JSON-ready, as a record names what gave it."""
        return self.model_dump(mode="json")

    def record(self, result: GateResult) -> GateRecord:
        """The result as the certificate keeps it."""
        mode = {"passed": None, "failed": self.enforce, "inconclusive": self.on_inconclusive}
        blocks = mode[result.verdict] == "block" and self.enforce == "block"
        return GateRecord(check=self.check_name, gate=self.declared, result=result, blocks=blocks)


GATES: Registry[Gate[Any]] = Registry("gate", Gate, package="ml_platform.gates")
