"""Pictures of a window: how the score and what drifted spread, beside training."""

from collections.abc import Iterator

from ml_platform.data.page import Picture
from ml_platform.drift.column import ColumnDrift
from ml_platform.evaluation.spread_svg import shares_svg
from ml_platform.monitoring.report import MonitoringReport

MOST = 3
"""Drifted columns that are drawn, the worst first."""


def pictures(report: MonitoringReport) -> dict[str, Picture]:
    """Draw the prediction, and the worst of the inputs that drifted, by what is drawn.

    What nothing was counted of is left out.
    """
    worst = list(report.moved.values())[:MOST]
    return {drift.column: _beside(drift, of) for drift, of in _drawn(report.scores, worst)}


def _drawn(
    scores: ColumnDrift | None, worst: list[ColumnDrift]
) -> Iterator[tuple[ColumnDrift, str]]:
    if scores is not None and scores.shares:
        yield scores, "holdout"
    yield from ((drift, "training") for drift in worst if drift.shares)


def _beside(drift: ColumnDrift, reference: str) -> Picture:
    """One column; its bins are those that it was judged in, cut by the reference."""
    shares = {
        reference: [each.reference for each in drift.shares],
        "window": [each.current for each in drift.shares],
    }
    svg = shares_svg(shares, bins=[each.bin for each in drift.shares])
    return Picture(svg, f"{drift.column}: share of the rows in each bin, {reference} and window")
