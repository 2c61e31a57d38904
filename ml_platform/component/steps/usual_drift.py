"""How far windows as long as a report's are used to move, by the champion's own training data."""

from collections.abc import Sequence

import pandas as pd

from ml_platform.component.platform import Platform
from ml_platform.component.steps.prediction_drift import confidence
from ml_platform.component.steps.production_window import Training
from ml_platform.data.handles import HandleStore
from ml_platform.drift.usual import usual_distance
from ml_platform.plugins import Strict
from ml_platform.task import Task

FOLDER = "usual_drift"
LENGTH = {"hourly": "h", "daily": "D"}


class UsualDrift(Strict):
    """What is kept of a version: the effect sizes within which a window is a usual one.

    asked: hash of the declaration under which it was measured. columns: by column, `prediction`
    and `confidence` among them; None where too few windows tell.
    """

    asked: str
    columns: dict[str, float | None]


def usual_drift(
    training: Training, platform: Platform, names: Sequence[str]
) -> dict[str, float | None]:
    """Return the effect size up to which each column is as usual; measured once for a version.

    Empty where the rows have no time, or where it is declared that nothing is usual.
    """
    spec = training.declaration.spec
    if spec.data.event_time is None or not spec.monitoring.usual:
        return {}
    store = HandleStore(f"{platform.settings.data_url}/{FOLDER}")
    path, asked = f"{spec.name}/v{training.version}.json", spec.digest_of("monitoring")
    text = store.read(path)
    known = None if text is None else UsualDrift.model_validate_json(text)
    if known is None or known.asked != asked:
        known = UsualDrift(asked=asked, columns=_measured(training, names))
        store.write(path, known.model_dump_json())
    return known.columns


def _measured(training: Training, names: Sequence[str]) -> dict[str, float | None]:
    spec = training.declaration.spec
    monitoring, task = spec.monitoring, spec.task
    rows = training.rows
    rows = rows[rows[spec.data.event_time].notna()]
    moments = pd.to_datetime(rows[spec.data.event_time])
    windows, _ = pd.factorize(moments.dt.floor(LENGTH[monitoring.partition]))
    scores = training.scores_of(rows).rename("prediction")
    pairs = {name: (rows[name], rows[name]) for name in names}
    pairs["prediction"] = (training.holdout_scores, scores)
    if task is not Task.REGRESSION:
        pairs["confidence"] = (
            confidence(training.holdout_scores, task),
            confidence(scores, task),
        )
    return {
        name: usual_distance(
            monitoring.drift, reference, values, windows=windows, fewest=monitoring.min_rows
        )
        for name, (reference, values) in pairs.items()
    }
