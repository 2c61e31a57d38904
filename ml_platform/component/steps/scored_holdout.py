"""What a version scores on its own holdout, kept for all that compares production with it."""

from collections.abc import Callable
from hashlib import sha256

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_platform.component.platform import Platform
from ml_platform.component.steps.holdout import Judged
from ml_platform.registry.version import ModelVersion
from ml_platform.spec.load import Declaration

PREDICTION, OUTCOME = "prediction", "outcome"


def scored_holdout(
    declaration: Declaration,
    platform: Platform,
    version: ModelVersion,
    judged: Callable[[], Judged],
) -> pd.DataFrame:
    """Return the kept scores of this version, as the log holds scores; scored once.

    Beside them the outcomes: of two classes whether it is the positive one, of more whether the
    highest score is that of the right one, of a regression the value.

    judged: loads the version and its holdout.
    """
    table = _table(declaration, version)
    if platform.snapshots.latest(table) is not None:
        return platform.snapshots.read(table)
    holdout = judged()
    outcomes = holdout.target
    if holdout.scores.ndim > 1:
        outcomes = holdout.scores.argmax(axis=1) == outcomes
    rows = as_logged(holdout.scores).to_frame().assign(**{OUTCOME: outcomes.astype(np.float64)})
    platform.snapshots.write(table, rows)
    return rows


def _table(declaration: Declaration, version: ModelVersion) -> str:
    """One for each version; its fingerprint tells it from one of a registry that was lost."""
    digest = sha256(version.tags["fingerprint"].encode()).hexdigest()
    return f"{declaration.spec.name}/scored_holdout_v{version.version}_{digest[:16]}"


def as_logged(scores: NDArray[np.float64]) -> pd.Series:
    """Of more than two classes the log holds the score of the predicted one."""
    return pd.Series(scores.max(axis=1) if scores.ndim > 1 else scores, name=PREDICTION)
