"""What a drift test says of one column."""

from typing import Literal, Self

from ml_platform.plugins import Strict

DriftVerdict = Literal["stable", "drifted", "unclear"]


class BinShare(Strict):
    """A bin with its share of the reference's and of the current rows."""

    bin: str
    reference: float
    current: float


class ColumnDrift(Strict):
    """How far one column moved; JSON-ready.

    value: the effect size, without what noise alone would give; None where not measurable.
    low, high: between which it lies at 98 %, 99 % to each side.
    usual: up to which windows of the reference lie by themselves, where that is known.
    rows: of the reference and of the current data.
    """

    column: str
    test: str
    verdict: DriftVerdict
    value: float | None = None
    low: float | None = None
    high: float | None = None
    threshold: float
    usual: float | None = None
    rows: tuple[int, int]
    reason: str | None = None
    shares: tuple[BinShare, ...] = ()

    @property
    def text(self) -> str:
        """For people: `temp moved by 0.31 [0.25, 0.37], threshold 0.2`."""
        if self.value is None:
            return f"{self.column}: {self.reason}"
        usual = "" if self.usual is None else f", usual up to {self.usual:.3g}"
        return (
            f"{self.column} moved by {self.value:.3g} [{self.low:.3g}, {self.high:.3g}], "
            f"threshold {self.threshold:g}{usual}"
        )

    def given_usual(self, usual: float | None) -> Self:
        """The same, judged by what is usual as well: within it nothing has drifted."""
        within = usual is not None and self.value is not None and self.value <= usual
        verdict = "stable" if within else self.verdict
        return self.model_copy(update={"usual": usual, "verdict": verdict})
