"""The gate `contract_drift`."""

from typing import Literal

from ml_platform.gates.drifts import DriftGate
from ml_platform.gates.evidence import DataEvidence
from ml_platform.gates.gate import GATES

COMPARED = frozenset({"int64", "float64", "bool", "category"})


@GATES.register
class ContractDrift(DriftGate):
    """Reject data whose columns moved since the last snapshot, or since the champion's training.

    columns: those to compare; without them all numbers, booleans and categories of the
        contract but the target, the id and unique columns.
    """

    type: Literal["contract_drift"] = "contract_drift"
    columns: tuple[str, ...] = ()

    def compared(self, evidence: DataEvidence) -> tuple[str, ...]:
        """The declared columns, or those of the contract that can drift."""
        aside = {evidence.target, evidence.id, evidence.event_time}
        return self.columns or tuple(
            name
            for name, column in evidence.contract.columns.items()
            if column.dtype in COMPARED and not column.unique and name not in aside
        )
