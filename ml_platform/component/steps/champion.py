"""The champion on a candidate's holdout: its scores, and which of the rows it was trained on."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from ml_platform.component.platform import Platform
from ml_platform.component.steps.benchmarks import trained_part
from ml_platform.component.steps.holdout import Judged
from ml_platform.component.steps.kept_version import KeptVersion
from ml_platform.data.same_rows import rows_in
from ml_platform.exceptions import (
    FeatureError,
    MLPlatformError,
    ModelError,
    StoreError,
)
from ml_platform.gates.evidence import ChampionEvidence
from ml_platform.spec.load import Declaration
from ml_platform.training.model import Model


@dataclass(frozen=True)
class Champion:
    """The version in production, beside the candidate, for all rows that it is asked about."""

    declaration: Declaration
    platform: Platform
    judged: Judged
    version: KeptVersion

    def on(self, rows: pd.DataFrame) -> ChampionEvidence:
        """Its scores of rows, and which of them it was trained on."""
        trained = self._trained
        key = self.declaration.spec.data.id
        unknown = trained is None or set(trained.columns).isdisjoint(rows.columns)
        seen = None if unknown else rows_in(rows, trained, key=key)
        model, number = self._model, self.version.number
        if isinstance(model, str):
            return ChampionEvidence(version=number, seen=seen, problem=model)
        try:
            scores = model.scores(rows)
        except (FeatureError, ModelError) as error:
            return ChampionEvidence(version=number, seen=seen, problem=str(error))
        return ChampionEvidence(version=number, scores=scores, seen=seen)

    @cached_property
    def _model(self) -> Model | str:
        """The model, or why it is not comparable."""
        candidate = self.judged.model
        try:
            model = self.version.model
        except (FeatureError, ModelError, StoreError) as error:
            return str(error)
        if (model.task, model.classes) != (candidate.task, candidate.classes):
            return f"it predicts {_told(model)}, the candidate {_told(candidate)}"
        return model

    @cached_property
    def _trained(self) -> pd.DataFrame | None:
        """The rows that it was trained on; None where that cannot be found out."""
        try:
            return _trained_rows(self.declaration, self.platform, self.version)
        except (MLPlatformError, KeyError):
            return None


def _told(model: Model) -> str:
    classes = ", ".join(map(str, model.classes))
    return f"{model.task.value} ({classes})" if classes else model.task.value


def _trained_rows(
    declaration: Declaration, platform: Platform, version: KeptVersion
) -> pd.DataFrame:
    """The rows of the version's snapshot that its own split gave to training."""
    registered, recipe = version.registered, version.recipe
    table, _, number = registered.tags["training_data"].rpartition("@")
    hashed = registered.tags["training_data_hash"]
    rows = _read(
        platform,
        table,
        {"version": int(number), "content_hash": hashed},
        key=recipe.id if recipe.id == declaration.spec.data.id else None,
        also=recipe.split.reads(target=recipe.target, event_time=recipe.event_time),
    )
    parts = recipe.split_rows(rows)
    return trained_part(rows.iloc[parts.train], platform, registered, key=recipe.id)


def _read(
    platform: Platform,
    table: str,
    which: dict[str, Any],
    *,
    key: str | None,
    also: tuple[str, ...] | None,
) -> pd.DataFrame:
    """A snapshot; of a row's key and what its split looks at alone, where that is enough."""
    if key is None or also is None:
        return platform.snapshots.read(table, **which)
    return platform.snapshots.read(table, columns=list(dict.fromkeys((key, *also))), **which)
