"""Two frames, column by column."""

from collections.abc import Sequence

import pandas as pd

from ml_platform.drift.column import ColumnDrift
from ml_platform.drift.drift_test import DriftTest


def compare(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    *,
    test: DriftTest,
    columns: Sequence[str],
    seed: int = 0,
) -> tuple[ColumnDrift, ...]:
    """Compare the columns named; the false alarms of the report are held for all together.

    A column that one of the frames lacks is `unclear`, with the reason.
    """
    found: list[ColumnDrift] = []
    for name in columns:
        lacking = [
            which
            for which, frame in (("reference", reference), ("current data", current))
            if name not in frame.columns
        ]
        if lacking:
            found.append(
                ColumnDrift(
                    column=name,
                    test=test.type,
                    verdict="unclear",
                    threshold=test.threshold,
                    rows=(len(reference), len(current)),
                    reason=f"the {lacking[0]} has no such column",
                )
            )
        else:
            found.append(
                test.compare(reference[name], current[name], columns=len(columns), seed=seed)
            )
    return tuple(found)
