"""The gate `label_drift`."""

from typing import Literal

from ml_platform.gates.drifts import DriftGate
from ml_platform.gates.evidence import DataEvidence
from ml_platform.gates.gate import GATES


@GATES.register
class LabelDrift(DriftGate):
    """Reject data whose target moved since the last snapshot, or since the champion's training."""

    type: Literal["label_drift"] = "label_drift"

    def compared(self, evidence: DataEvidence) -> tuple[str, ...]:
        """The target."""
        return (evidence.target,)
