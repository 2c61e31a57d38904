"""The gate `custom`."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, ValidationError

from ml_platform.functions import load_function
from ml_platform.gates.gate import GATES, Gate, Stage
from ml_platform.gates.result import GateResult


@GATES.register
class Custom(Gate[Any]):
    """A function of your own: it gets the evidence of its stage and returns a verdict.

    The verdict is a `GateResult`, or a mapping of its fields, such as
    `{"verdict": "failed", "reason": "...", "value": 0.3, "bound": 0.2}`. What the function
    raises, or returns instead, is inconclusive.
    function: `module:name`; a bare module is a file beside the declaration.
    stage: the asset that it judges, which decides what its evidence holds.
    """

    type: Literal["custom"] = "custom"
    function: str = Field(pattern=r"^[\w.]+:\w+$")
    stage: Stage = Stage.EVALUATION_REPORT  # pyright: ignore[reportIncompatibleVariableOverride]

    @property
    def check_name(self) -> str:
        """`custom_<function>`."""
        return f"{super().check_name}_{self.function.rpartition(':')[2]}"

    @property
    def compares(self) -> bool:
        """The function is given the champion's data, or its scores and the baseline."""
        return self.stage in (Stage.VALIDATED_DATA, Stage.EVALUATION_REPORT)

    def judge(self, evidence: Any) -> GateResult:
        """Call the function."""
        function = load_function(self.function, folder=evidence.folder)
        try:
            answer = function(evidence)
        except Exception as error:  # a team's own function may raise anything
            reason = f"{self.function} raised {type(error).__name__}: {error}"
            return GateResult(verdict="inconclusive", reason=reason)
        return self._read(answer)

    def _read(self, answer: object) -> GateResult:
        if isinstance(answer, GateResult):
            return answer
        if not isinstance(answer, Mapping):
            found = f"{self.function} returned {type(answer).__name__}"
            reason = f"{found}; valid: a GateResult, or a mapping of its fields"
            return GateResult(verdict="inconclusive", reason=reason)
        try:
            return GateResult.model_validate(answer)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "result"
            reason = f"{self.function} returned no verdict: {where}: {first['msg']}"
            return GateResult(verdict="inconclusive", reason=reason)
