"""What training data say is usual of a day, measured once for a version."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml_platform.component.platform import Platform
from ml_platform.component.steps.usual_windows import usual_windows
from ml_platform.spec.load import Declaration
from ml_platform_tests.component.running import changed

DAYS, ROWS = 20, 250


@dataclass
class Training:
    """Twenty days of a version: its income differs from day to day, its years do not."""

    declaration: Declaration
    version: int = 1
    read: list[str] = field(default_factory=list)

    @property
    def rows(self) -> pd.DataFrame:
        self.read.append("rows")
        rng = np.random.default_rng(1)
        day = np.repeat(np.arange(DAYS), ROWS)
        frame = pd.DataFrame(
            {
                "applied_at": pd.Timestamp("2024-01-01") + pd.to_timedelta(day, "D"),
                "income": rng.normal(rng.normal(0, 2, DAYS)[day], 1),
                "years_employed": rng.integers(0, 30, len(day)),
            }
        )
        frame.loc[0, "applied_at"] = pd.NaT
        return frame

    def scores_of(self, rows: pd.DataFrame) -> pd.Series:
        return pd.Series(np.random.default_rng(2).random(len(rows)))

    @property
    def holdout_scores(self) -> pd.Series:
        return pd.Series(np.random.default_rng(3).random(400))


@pytest.fixture
def watched(declaration: Declaration) -> Declaration:
    return changed(
        declaration,
        "  gates:\n",
        "  monitoring: {min_rows: 50, drift: {type: ks_distance}}\n  gates:\n",
    )


def test_what_differs_from_day_to_day_is_usual_and_measured_once(
    watched: Declaration, platform: Platform
) -> None:
    training = Training(watched)
    usual = usual_windows(training, platform, ["income", "years_employed"])
    assert usual["income"].distance > 0.5 > usual["years_employed"].distance > 0
    assert {"prediction", "confidence"} <= usual.keys()
    assert usual_windows(training, platform, ["income", "years_employed"]) == usual
    assert training.read == ["rows"]


def test_another_version_or_declaration_is_measured_anew(
    watched: Declaration, platform: Platform, tmp_path: Path
) -> None:
    first = usual_windows(Training(watched), platform, ["income"])
    second = Training(watched, version=2)
    usual_windows(second, platform, ["income"])
    assert second.read == ["rows"]
    other = Training(changed(watched, "ks_distance", "population_stability"))
    found = usual_windows(other, platform, ["income"])
    assert 0 < first["income"].distance < 1 < found["income"].distance


def test_where_nothing_is_declared_to_be_usual_nothing_is_read(
    watched: Declaration, platform: Platform
) -> None:
    off = Training(changed(watched, "min_rows: 50", "min_rows: 50, usual: false"))
    assert usual_windows(off, platform, ["income"]) == {}
    data = watched.spec.data.model_copy(update={"event_time": None})
    timeless = Declaration(watched.spec.model_copy(update={"data": data}), watched.file)
    assert usual_windows(Training(timeless), platform, ["income"]) == {}
    assert off.read == []
