"""The champion on a candidate's holdout: its scores, and which of the rows it was trained on."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_platform.component.platform import Platform
from ml_platform.component.steps.holdout import Judged
from ml_platform.component.steps.runtimes import rival_of
from ml_platform.exceptions import (
    FeatureError,
    MLPlatformError,
    ModelError,
    StoreError,
)
from ml_platform.gates.evidence import ChampionEvidence
from ml_platform.registry.version import ModelVersion
from ml_platform.spec.load import Declaration
from ml_platform.spec.recipe import DECLARATION, Recipe
from ml_platform.training.model import Model


def champion_evidence(
    declaration: Declaration, platform: Platform, judged: Judged, *, version: int
) -> ChampionEvidence | None:
    """The version in production, on the holdout of a candidate; None before the first release."""
    rival = rival_of(declaration, platform, version)
    if rival is None:
        return None
    seen = _seen(declaration, platform, judged.holdout, rival)
    scores = _scores(declaration, platform, judged, rival)
    if isinstance(scores, str):
        return ChampionEvidence(version=rival, seen=seen, problem=scores)
    return ChampionEvidence(version=rival, scores=scores, seen=seen)


def rows_in(holdout: pd.DataFrame, trained: pd.DataFrame, *, key: str | None) -> NDArray[np.bool_]:
    """Return for each row of a holdout (n,) whether it is among rows trained on.

    key: the column that names a row; without it a row is known by all columns that both have,
    so that rows which are equal in all of them count as one.
    """
    common = [key] if key is not None else [c for c in holdout.columns if c in trained.columns]
    if not common or any(c not in f.columns for c in common for f in (holdout, trained)):
        return np.zeros(len(holdout), dtype=np.bool_)
    return np.isin(_hashed(holdout[common]), _hashed(trained[common]))


def _hashed(frame: pd.DataFrame) -> NDArray[np.uint64]:
    """Hashes (n,) of values, whatever dtype holds them: int64 or Int64, string or object."""
    plain = pd.DataFrame({name: _plain(column) for name, column in frame.items()})
    return pd.util.hash_pandas_object(plain, index=False).to_numpy(dtype=np.uint64)


def _plain(column: pd.Series) -> pd.Series:
    if pd.api.types.is_float_dtype(column):
        return column.astype("float64")
    if pd.api.types.is_datetime64_any_dtype(column):
        return column
    return column.astype("string").astype(object)


def _scores(
    declaration: Declaration, platform: Platform, judged: Judged, version: int
) -> NDArray[np.float64] | str:
    try:
        with TemporaryDirectory() as temporary:
            saved = platform.registry.download(declaration.spec.name, version, Path(temporary))
            model = Model.load(saved)
            if (model.task, model.classes) != (judged.model.task, judged.model.classes):
                return f"it predicts {_told(model)}, the candidate {_told(judged.model)}"
            return model.scores(judged.holdout)
    except (FeatureError, ModelError, StoreError) as error:
        return str(error)


def _told(model: Model) -> str:
    classes = ", ".join(map(str, model.classes))
    return f"{model.task.value} ({classes})" if classes else model.task.value


def _seen(
    declaration: Declaration, platform: Platform, holdout: pd.DataFrame, version: int
) -> NDArray[np.bool_] | None:
    """Whether a version was trained on each row; None where that cannot be found out."""
    try:
        registered = platform.registry.get(declaration.spec.name, version)
        trained = _trained_rows(declaration, platform, registered)
    except (MLPlatformError, KeyError):
        return None
    return rows_in(holdout, trained, key=declaration.spec.data.id)


def _trained_rows(
    declaration: Declaration, platform: Platform, registered: ModelVersion
) -> pd.DataFrame:
    """The rows of the version's snapshot that its own split gave to training."""
    table, _, number = registered.tags["training_data"].rpartition("@")
    hashed = registered.tags["training_data_hash"]
    rows = platform.snapshots.read(table, version=int(number), content_hash=hashed)
    text = platform.registry.read_artifact_text(registered.run_id, DECLARATION)
    recipe = None if text is None else Recipe.read(text)
    data = declaration.spec.data if recipe is None else recipe
    split = declaration.spec.split if recipe is None else recipe.split
    parts = split.split(rows, target=data.target, event_time=data.event_time)
    return rows.iloc[parts.train]
