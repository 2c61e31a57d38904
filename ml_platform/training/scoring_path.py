"""Which code scores a version, and what was proven of it."""

from typing import Literal

from ml_platform.plugins import Strict


class ScoringPath(Strict):
    """How a version is scored when it serves, and why.

    path: `compiled` where that was proven equal bit for bit, else `reference`: the library that
        trained it.
    reason: why it is not compiled; "" where it is.
    holdout, adversarial: records that both paths scored.
    code: hash of the code that was compared, so that other code is compared anew.
    """

    path: Literal["compiled", "reference"]
    reason: str = ""
    holdout: int = 0
    adversarial: int = 0
    code: str = ""

    def __str__(self) -> str:
        """Say it in a sentence."""
        if self.path == "reference":
            return f"scored by the training library itself (slower): {self.reason}"
        return (
            "scored by compiled code, equal bit for bit to the training library on "
            f"{self.holdout:,} holdout and {self.adversarial:,} adversarial records"
        )
