"""How good the answers were, month by month, beside what else one could have done."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_platform.component.steps.train import fit_model
from ml_platform.evaluation.metrics.metric import Metric
from ml_platform.exceptions import MetricUnavailable
from ml_platform.plugins import Strict
from ml_platform.replay.faults import AT
from ml_platform.replay.timeline import Timeline
from ml_platform.spec.load import Declaration
from ml_platform.training.model import Model


class MonthQuality(Strict):
    """A metric on the answered rows of a month, by the truth; None where not measurable.

    platform: of what was answered. first: had the first version answered it all.
    monthly: had a model answered that is trained anew on the first of each month, on all rows
    before it.
    """

    month: str
    rows: int
    platform: float | None
    first: float | None
    monthly: float | None


def quality_by_month(
    declaration: Declaration,
    timeline: Timeline,
    answers: Mapping[str, float],
    *,
    first: Model,
    trained_on: pd.DataFrame,
    metric: Metric,
) -> list[MonthQuality]:
    """Measure each month. first: the first version; trained_on: the rows it was trained on.

    All three answer the rows as they came, faults included, and are judged by the truth.
    """
    data = declaration.spec.data
    rows = timeline.rows
    answered = rows[data.id].astype(str).map(answers)
    months = rows[AT].dt.strftime("%Y-%m")
    found: list[MonthQuality] = []
    for month in sorted(months.unique()):
        known = (months == month) & answered.notna()
        before = rows[months < month].assign(**{data.target: timeline.truth[months < month]})
        past = pd.concat([trained_on, before[trained_on.columns]], ignore_index=True)
        monthly = fit_model(declaration, past)
        now = rows[known]
        target = first.encode_target(timeline.truth[known])
        found.append(
            MonthQuality(
                month=month,
                rows=int(known.sum()),
                platform=_measured(metric, target, answered[known].to_numpy(np.float64)),
                first=_measured(metric, target, first.scores(now)),
                monthly=_measured(metric, target, monthly.scores(now)),
            )
        )
    return found


def _measured(
    metric: Metric, target: NDArray[np.generic], scores: NDArray[np.float64]
) -> float | None:
    try:
        return metric.measure(target, scores)
    except MetricUnavailable:
        return None
