"""Gates that compare this snapshot's columns with an earlier one's."""

from abc import abstractmethod
from typing import Annotated, ClassVar, Literal

from ml_platform.drift.column import ColumnDrift
from ml_platform.drift.compare import compare
from ml_platform.drift.drift_test import DRIFT_TESTS, DriftTest
from ml_platform.drift.population_stability import PopulationStability
from ml_platform.exceptions import MLPlatformError
from ml_platform.gates.evidence import DataEvidence, Reference
from ml_platform.gates.gate import Gate, Stage
from ml_platform.gates.result import GateResult, Verdict
from ml_platform.plugins import Declared

SHOWN = 3
FIRST = {"last": "first snapshot", "champion": "first release"}


class DriftGate(Gate[DataEvidence]):
    """Fails when a column moved by the threshold; inconclusive when too few rows can tell.

    drift: how far a column moved, and from where on that matters.
    against: the last snapshot that passed, or what the champion was trained on.
    """

    stage: ClassVar[Stage] = Stage.VALIDATED_DATA

    drift: Annotated[DriftTest, Declared(DRIFT_TESTS)] = PopulationStability()
    against: Literal["last", "champion"] = "last"

    @property
    def check_name(self) -> str:
        """`contract_drift_last`."""
        return f"{super().check_name}_{self.against}"

    @property
    def compares(self) -> bool:
        """Where it compares with what the champion was trained on."""
        return self.against == "champion"

    @abstractmethod
    def compared(self, evidence: DataEvidence) -> tuple[str, ...]:
        """The columns to compare."""

    def judge(self, evidence: DataEvidence) -> GateResult:
        """Compare column by column; without anything to compare with, the first one passes."""
        before = evidence.previous if self.against == "last" else evidence.champion
        rows = len(evidence.frame)
        try:
            reference = before()
        except MLPlatformError as error:
            reason = f"what it is compared with cannot be read: {error}"
            return GateResult(verdict="inconclusive", rows=rows, reason=reason)
        if reference is None:
            reason = f"{FIRST[self.against]}: there is nothing to compare with"
            return GateResult(verdict="passed", rows=rows, reason=reason)
        names = self.compared(evidence)
        if not names:
            reason = "the contract has no column to compare"
            return GateResult(verdict="inconclusive", rows=rows, reason=reason)
        columns = compare(
            reference.frame, evidence.frame, test=self.drift, columns=names, seed=evidence.seed
        )
        return self._result(columns, reference, evidence)

    def _result(
        self, columns: tuple[ColumnDrift, ...], reference: Reference, evidence: DataEvidence
    ) -> GateResult:
        drifted = [column for column in columns if column.verdict == "drifted"]
        unclear = [column for column in columns if column.verdict == "unclear"]
        worst = max(columns, key=lambda column: column.value or 0.0)
        verdict: Verdict = "failed" if drifted else "inconclusive" if unclear else "passed"
        return GateResult(
            verdict=verdict,
            value=worst.value,
            bound=self.drift.threshold,
            interval=None if worst.low is None or worst.high is None else (worst.low, worst.high),
            rows=len(evidence.frame),
            reason=self._reason(drifted, unclear, worst, len(columns), reference.name),
            details={
                "against": reference.name,
                "columns": [_shown(column, evidence) for column in columns],
            },
        )

    def _reason(
        self,
        drifted: list[ColumnDrift],
        unclear: list[ColumnDrift],
        worst: ColumnDrift,
        columns: int,
        reference: str,
    ) -> str:
        told = f"by {self.drift.type} against {reference}"
        if drifted:
            listed = sorted(drifted, key=lambda column: -(column.value or 0.0))[:SHOWN]
            texts = "; ".join(column.text for column in listed)
            return f"{len(drifted)} of {columns} columns drifted {told}: {texts}"
        if unclear:
            texts = "; ".join(column.text for column in unclear[:SHOWN])
            return f"too few rows to tell for {len(unclear)} of {columns} columns {told}: {texts}"
        return f"no drift of {columns} columns {told}; the farthest: {worst.text}"


def _shown(column: ColumnDrift, evidence: DataEvidence) -> dict[str, object]:
    """The column for the report; what is stable or sensitive without its bins."""
    contract = evidence.contract.columns.get(column.column)
    hidden = column.verdict == "stable" or (contract is not None and contract.sensitive)
    return column.model_dump(mode="json", exclude={"shares"} if hidden else None)
