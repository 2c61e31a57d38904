"""A version's holdout, and what the version makes of it."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_platform.component.platform import Platform
from ml_platform.component.steps.benchmarks import trained_part
from ml_platform.component.steps.kept_recipe import recipe_of
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
    """Read the snapshot, split it as the version was trained, and score the holdout with it.

    The split is the one that was kept with the version: by that of a declaration that was changed
    since, a version would be judged on rows that it was trained on. Raises ModelError.
    """
    name = declaration.spec.name
    rows = platform.snapshots.read(snapshot.table, version=snapshot.version)
    recipe = recipe_of(platform, name, version)
    split = recipe.split_rows(rows)
    holdout = rows.iloc[split.holdout]
    registered = platform.registry.get(name, version)
    trained = trained_part(rows.iloc[split.train], platform, registered, key=recipe.id)
    with TemporaryDirectory() as temporary:
        model = Model.load(platform.registry.download(name, version, Path(temporary)))
    target = model.encode_target(holdout[recipe.target])
    return Judged(trained, holdout, target, model.scores(holdout), model)
