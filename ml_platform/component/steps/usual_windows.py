"""What windows as long as a report's are like as a rule, by the champion's own training data."""

from collections.abc import Sequence

import pandas as pd

from ml_platform.component.platform import Platform
from ml_platform.component.steps.prediction_drift import figures
from ml_platform.component.steps.production_window import Training
from ml_platform.data.handles import HandleStore
from ml_platform.drift.usual import UsualWindow, usual_window
from ml_platform.plugins import Strict

FOLDER = "usual_windows"
LENGTH = {"hourly": "h", "daily": "D"}


class UsualWindows(Strict):
    """What is kept of a version.

    asked: hash of the declaration under which it was measured. columns: by column, `prediction`
    and `confidence` among them.
    """

    asked: str
    columns: dict[str, UsualWindow]


def usual_windows(
    training: Training, platform: Platform, names: Sequence[str]
) -> dict[str, UsualWindow]:
    """Return by column what is usual of a window; measured once for a version.

    Empty where the rows have no time, or where it is declared that nothing is usual.
    """
    spec = training.declaration.spec
    if spec.data.event_time is None or not spec.monitoring.usual:
        return {}
    store = HandleStore(f"{platform.settings.data_url}/{FOLDER}")
    path, asked = f"{spec.name}/v{training.version}.json", spec.digest_of("monitoring")
    text = store.read(path)
    known = None if text is None else UsualWindows.model_validate_json(text)
    if known is None or known.asked != asked:
        known = UsualWindows(asked=asked, columns=_measured(training, names))
        store.write(path, known.model_dump_json())
    return known.columns


def _measured(training: Training, names: Sequence[str]) -> dict[str, UsualWindow]:
    spec = training.declaration.spec
    monitoring = spec.monitoring
    rows = training.rows
    rows = rows[rows[spec.data.event_time].notna()]
    moments = pd.to_datetime(rows[spec.data.event_time])
    windows, _ = pd.factorize(moments.dt.floor(LENGTH[monitoring.partition]))
    pairs = {name: (rows[name], rows[name]) for name in names}
    on_holdout = figures(training.holdout_scores, spec.task)
    pairs |= {
        name: (on_holdout[name], own)
        for name, own in figures(training.scores_of(rows), spec.task).items()
    }
    return {
        name: usual_window(monitoring.drift, reference, values, windows=windows)
        for name, (reference, values) in pairs.items()
    }
