"""What a version scores on its own holdout, kept for every report that compares with it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_platform.component.platform import Platform
from ml_platform.component.steps.holdout import Judged
from ml_platform.registry.version import ModelVersion
from ml_platform.spec.load import Declaration

PREDICTION = "prediction"


@dataclass(frozen=True)
class ReferenceScores:
    """Scores of the holdout as the log holds scores, and the classes of the version."""

    scores: pd.Series
    classes: tuple[Any, ...]


def reference_scores(
    declaration: Declaration,
    platform: Platform,
    version: ModelVersion,
    judged: Callable[[], Judged],
) -> ReferenceScores:
    """Return what was kept of this version; scored once where nothing was.

    judged: loads the version and its holdout.
    """
    table = _table(declaration, version)
    kept = platform.snapshots.latest(table)
    if kept is not None:
        scores = platform.snapshots.read(table)[PREDICTION]
        return ReferenceScores(scores, tuple(json.loads(kept.metadata["classes"])))
    found = judged()
    scores = as_logged(found.scores)
    metadata = {"classes": json.dumps(found.model.classes)}
    platform.snapshots.write(table, scores.to_frame(), metadata=metadata)
    return ReferenceScores(scores, found.model.classes)


def _table(declaration: Declaration, version: ModelVersion) -> str:
    """One for each version; its fingerprint tells it from one of a registry that was lost."""
    digest = sha256(version.tags["fingerprint"].encode()).hexdigest()
    return f"{declaration.spec.name}/holdout_scores_v{version.version}_{digest[:16]}"


def as_logged(scores: NDArray[np.float64]) -> pd.Series:
    """Of more than two classes the log holds the score of the predicted one."""
    return pd.Series(scores.max(axis=1) if scores.ndim > 1 else scores, name=PREDICTION)
