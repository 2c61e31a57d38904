"""The champion on a candidate's holdout: its scores, and which of the rows it was trained on."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from ml_platform.component.platform import Platform
from ml_platform.component.steps.benchmarks import trained_part
from ml_platform.component.steps.holdout import Judged
from ml_platform.component.steps.kept_recipe import recipe_of
from ml_platform.component.steps.runtimes import rival_of
from ml_platform.data.same_rows import rows_in
from ml_platform.exceptions import (
    FeatureError,
    MLPlatformError,
    ModelError,
    StoreError,
)
from ml_platform.gates.evidence import ChampionEvidence
from ml_platform.registry.version import ModelVersion
from ml_platform.spec.load import Declaration
from ml_platform.training.model import Model


def champion_of(
    declaration: Declaration, platform: Platform, judged: Judged, *, version: int
) -> "Champion | None":
    """The version that a candidate is compared with; None before the first release."""
    rival = rival_of(declaration, platform, version)
    return None if rival is None else Champion(declaration, platform, judged, rival)


@dataclass(frozen=True)
class Champion:
    """The version in production, loaded once for all rows that it is asked about."""

    declaration: Declaration
    platform: Platform
    judged: Judged
    version: int

    def on(self, rows: pd.DataFrame) -> ChampionEvidence:
        """Its scores of rows, and which of them it was trained on."""
        trained = self._trained
        key = self.declaration.spec.data.id
        seen = None if trained is None else rows_in(rows, trained, key=key)
        model = self._model
        if isinstance(model, str):
            return ChampionEvidence(version=self.version, seen=seen, problem=model)
        try:
            scores = model.scores(rows)
        except (FeatureError, ModelError) as error:
            return ChampionEvidence(version=self.version, seen=seen, problem=str(error))
        return ChampionEvidence(version=self.version, scores=scores, seen=seen)

    @cached_property
    def _model(self) -> Model | str:
        """The model, or why it is not comparable."""
        candidate, name = self.judged.model, self.declaration.spec.name
        try:
            with TemporaryDirectory() as temporary:
                saved = self.platform.registry.download(name, self.version, Path(temporary))
                model = Model.load(saved)
        except (FeatureError, ModelError, StoreError) as error:
            return str(error)
        if (model.task, model.classes) != (candidate.task, candidate.classes):
            return f"it predicts {_told(model)}, the candidate {_told(candidate)}"
        return model

    @cached_property
    def _trained(self) -> pd.DataFrame | None:
        """The rows that it was trained on; None where that cannot be found out."""
        try:
            registered = self.platform.registry.get(self.declaration.spec.name, self.version)
            return _trained_rows(self.declaration, self.platform, registered)
        except (MLPlatformError, KeyError):
            return None


def _told(model: Model) -> str:
    classes = ", ".join(map(str, model.classes))
    return f"{model.task.value} ({classes})" if classes else model.task.value


def _trained_rows(
    declaration: Declaration, platform: Platform, registered: ModelVersion
) -> pd.DataFrame:
    """The rows of the version's snapshot that its own split gave to training."""
    table, _, number = registered.tags["training_data"].rpartition("@")
    hashed = registered.tags["training_data_hash"]
    recipe = recipe_of(platform, declaration.spec.name, registered.version)
    split = recipe.split
    rows = _read(
        platform,
        table,
        {"version": int(number), "content_hash": hashed},
        key=recipe.id if recipe.id == declaration.spec.data.id else None,
        also=split.reads(target=recipe.target, event_time=recipe.event_time),
    )
    parts = split.split(rows, target=recipe.target, event_time=recipe.event_time)
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
