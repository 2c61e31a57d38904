"""What a report draws, and of what."""

import numpy as np
import pandas as pd

from ml_platform.monitoring.columns import column_health
from ml_platform.monitoring.page import report_html
from ml_platform.monitoring.pictures import MOST, pictures
from ml_platform_tests.monitoring.test_checks import PSI, column, judged, report

RANDOM = np.random.default_rng(7)


def normal(rows: int, name: str, *, moved: float = 0.0) -> pd.Series:
    return pd.Series(RANDOM.normal(size=rows) + moved, name=name)


def test_the_prediction_and_the_worst_columns_are_drawn_beside_training() -> None:
    scores = PSI.compare(normal(2_000, "prediction"), normal(500, "prediction"))
    columns = tuple(
        column(normal(500, name, moved=moved), normal(2_000, name))
        for name, moved in [("a", 1.0), ("b", 0.0), ("c", 3.0), ("d", 2.0), ("e", 0.8)]
    )
    made = judged(report(scores=scores, columns=columns))
    drawn = pictures(made)
    assert list(drawn) == ["prediction", "c", "d", "a"], "the worst first, what did not move never"
    assert len(drawn) == 1 + MOST
    assert "holdout" in drawn["prediction"].svg
    assert ">training</text>" in drawn["c"].svg
    page = report_html(made)
    assert page.count("<svg") == 4
    assert drawn["c"].svg in page


def test_nothing_is_drawn_of_what_was_not_counted() -> None:
    empty = column_health(
        pd.Series([], dtype=float, name="a"),
        pd.Series([], dtype=float, name="a"),
        test=PSI,
        columns=1,
    )
    made = judged(report(columns=(empty,)))
    assert pictures(made) == {}
    assert "<svg" not in report_html(made)
