"""A version's holdout, and what the version makes of it."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_platform.component.platform import Platform
from ml_platform.component.steps.benchmarks import trained_part
from ml_platform.component.steps.train import split_rows
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
    """Read the snapshot, split it as training did, and score the holdout with a version."""
    spec = declaration.spec
    rows = platform.snapshots.read(snapshot.table, version=snapshot.version)
    split = split_rows(declaration, rows)
    holdout = rows.iloc[split.holdout]
    registered = platform.registry.get(spec.name, version)
    trained = trained_part(rows.iloc[split.train], platform, registered, key=spec.data.id)
    with TemporaryDirectory() as temporary:
        model = Model.load(platform.registry.download(spec.name, version, Path(temporary)))
    target = model.encode_target(holdout[spec.data.target])
    return Judged(trained, holdout, target, model.scores(holdout), model)
