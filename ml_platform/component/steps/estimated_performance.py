"""How good production probably is on predictions whose labels are not there yet."""

import json
import logging
from functools import partial

import pandas as pd

from ml_platform.component.platform import Platform
from ml_platform.component.steps.production_window import Training
from ml_platform.component.steps.scored_holdout import OUTCOME, PREDICTION
from ml_platform.component.steps.version_classes import classes_of
from ml_platform.exceptions import ModelError, StoreError
from ml_platform.feedback.estimate import (
    FEWEST,
    PerformanceEstimate,
    estimate,
    outcomes_of,
    why_not_estimated,
)
from ml_platform.feedback.label_contract import LabelContract
from ml_platform.feedback.production import EPOCH, Event, Production
from ml_platform.feedback.production_files import Span
from ml_platform.spec.load import Declaration
from ml_platform.task import Task

_log = logging.getLogger(__name__)


def estimated_performance(
    declaration: Declaration, platform: Platform, found: Production, span: Span | None
) -> PerformanceEstimate | None:
    """Estimate it for what was predicted after a matured span; None where nothing can be said.

    Calibrated on the span where that has labels enough, else on the champion's holdout.
    span: None before a window has matured. A champion that the registry does not give costs the
    estimate alone: what came of the labels is known without it.
    """
    if why_not_estimated(declaration.spec.task):
        return None
    try:
        return _estimated(declaration, platform, found, span)
    except (ModelError, StoreError) as error:
        _log.warning("%s has no estimate before the labels: %s", declaration.spec.name, error)
        return None


def _estimated(
    declaration: Declaration, platform: Platform, found: Production, span: Span | None
) -> PerformanceEstimate | None:
    spec = declaration.spec
    champion = platform.releases.state(spec.name).champion
    event = _event(declaration, platform, champion)
    if event is None:
        return None
    told = partial(
        estimate,
        seed=spec.training.seed,
        only=("accuracy",) if spec.task is Task.MULTICLASS else None,
    )
    binned = partial(found.scores, after=span[1] if span else EPOCH, event=event)
    scores = binned(outcomes=found.outcomes(span, event=event)) if span else None
    if champion is None or (scores is not None and scores.labeled.sum() >= FEWEST):
        return None if scores is None else told(scores)
    holdout = Training(declaration, platform, champion).holdout
    known = outcomes_of(holdout[PREDICTION].to_numpy(), holdout[OUTCOME].to_numpy() == 1)
    scores = binned(outcomes=known)
    return None if scores is None else told(scores, on="rows of the champion's holdout")


def _event(declaration: Declaration, platform: Platform, champion: int | None) -> Event | None:
    """What the scores are of: of two classes the one declared, else the champion's second."""
    data = declaration.spec.data
    if declaration.spec.task is Task.MULTICLASS:
        return Event(None)
    contract = LabelContract(data.target, data.contract.columns[data.target])
    positive = data.positive
    if positive is None and champion is not None:
        positive = classes_of(declaration, platform, champion)[-1]
    if positive is None:
        return None
    return Event(contract.judge(pd.Series([json.dumps(positive)]))["canonical"].iloc[0])
