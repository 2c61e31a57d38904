"""What one check of a report found."""

from pydantic import Field

from ml_platform.plugins import Strict
from ml_platform.spec.monitoring import Severity


class Check(Strict):
    """One thing that the report looked at.

    verdict: `unclear` where there was too little to tell. rows: what it rests on.
    version: of the model that it is about. figures: plot over time.
    subjects: the columns, or figures of the prediction, that are not as they should be.
    """

    name: str
    verdict: str
    severity: Severity
    text: str
    rows: int
    version: int | None = None
    figures: dict[str, float] = Field(default={})
    subjects: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nobody has to be told."""
        return self.verdict != "failed"
