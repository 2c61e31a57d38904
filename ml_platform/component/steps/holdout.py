"""A version's holdout, and what the version makes of it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_platform.component.platform import Platform
from ml_platform.component.steps.benchmarks import trained_part
from ml_platform.component.steps.kept_version import KeptVersion, kept_versions
from ml_platform.data.snapshots import Snapshot
from ml_platform.spec.load import Declaration
from ml_platform.training.model import Model


@dataclass(frozen=True)
class Judged:
    """Raw rows of both parts, encoded target (n,) and scores of the holdout, and the model."""

    train: pd.DataFrame
    holdout: pd.DataFrame
    target: NDArray[np.generic]
    scores: NDArray[np.float64]
    model: Model


def load_holdout(
    declaration: Declaration, platform: Platform, snapshot: Snapshot, version: int
) -> Judged:
    """The holdout of a version by its number; see `holdout_of`."""
    with kept_versions(platform, declaration.spec.name) as kept:
        return holdout_of(kept(version), snapshot)


def holdout_of(version: KeptVersion, snapshot: Snapshot) -> Judged:
    """Read the snapshot, split it as the version was trained, and score the holdout with it.

    The split is the one that was kept with the version: by that of a declaration that was changed
    since, a version would be judged on rows that it was trained on. Raises ModelError.
    """
    platform, recipe, model = version.platform, version.recipe, version.model
    rows = platform.snapshots.read(snapshot.table, version=snapshot.version)
    split = recipe.split_rows(rows)
    holdout = rows.iloc[split.holdout]
    trained = trained_part(rows.iloc[split.train], platform, version.registered, key=recipe.id)
    target = model.encode_target(holdout[recipe.target])
    return Judged(trained, holdout, target, model.scores(holdout), model)
