"""The gate `model_size`."""

from collections.abc import Sequence
from typing import Literal

from ml_platform.evaluation.baseline import Costs
from ml_platform.gates.costs import ByteBound
from ml_platform.gates.evidence import Runtime
from ml_platform.gates.gate import GATES


@GATES.register
class ModelSize(ByteBound):
    """Hold the bytes of the saved model against a bound, and against the champion's."""

    what = "saved model"

    type: Literal["model_size"] = "model_size"

    def accepted(self, costs: Costs) -> int | None:
        """Its bytes, where the increase is bounded."""
        return None if self.max_increase is None else costs.model_bytes

    def measure(self, runtimes: Sequence[Runtime]) -> list[int]:
        """Sum the files of each."""
        return [
            sum(file.stat().st_size for file in runtime.folder.rglob("*") if file.is_file())
            for runtime in runtimes
        ]
