"""What of a declaration decides the bits of a model, as it is kept with the version."""

import json
from typing import Annotated, Any

import pandas as pd

from ml_platform.data.contract import Contract
from ml_platform.data.splits.splitter import SPLITTERS, Split, Splitter
from ml_platform.exceptions import ModelError
from ml_platform.features.spec import FeatureSpec
from ml_platform.plugins import Declared, Strict
from ml_platform.spec.model import ModelSpec
from ml_platform.spec.retraining import TrainingDataSpec
from ml_platform.task import Task
from ml_platform.training.trainers.trainer import TRAINERS, Trainer

DECLARATION = "declaration.json"
"""Artifact of the MLflow run: the declaration as it was when the version was trained."""

_SECTIONS = ("name", "task", "features", "split", "training", "training_data")
_OF_DATA = frozenset({"target", "positive", "event_time", "id", "contract"})


def declaration_json(spec: ModelSpec) -> str:
    """The whole declaration but its source, whose address may hold a password."""
    return spec.model_dump_json(exclude={"data": {"source"}}, indent=1)


class Recipe(Strict):
    """How a snapshot becomes a model."""

    name: str
    task: Task
    target: str
    positive: str | int | bool | None
    event_time: str | None
    id: str | None
    contract: Contract
    features: FeatureSpec
    split: Annotated[Splitter, Declared(SPLITTERS)]
    training: Annotated[Trainer, Declared(TRAINERS)]
    training_data: TrainingDataSpec

    def split_rows(self, frame: pd.DataFrame) -> Split:
        """Divide a snapshot as the training of this model did. Raises SplitError."""
        return self.split.split(frame, target=self.target, event_time=self.event_time)

    @classmethod
    def read(cls, text: str) -> "Recipe":
        """Take it from what `declaration_json` wrote. Raises ModelError when it is damaged."""
        try:
            written: dict[str, Any] = json.loads(text)
            sections = {key: written[key] for key in _SECTIONS}
            data = {key: value for key, value in written["data"].items() if key in _OF_DATA}
            return cls.model_validate({**sections, **data})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"{DECLARATION} cannot be read: {error!r:.300}") from error
