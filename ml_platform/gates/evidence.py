"""What the gates of each stage are given to judge.

All fields are named, so that a stage's evidence grows by fields with defaults while the gates
that do not need them stay as they are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_platform.evaluation.report import Evaluation
from ml_platform.task import Task

Record = dict[str, Any]


class FittedEstimator(Protocol):
    """What a gate asks of an estimator."""

    @property
    def losses(self) -> tuple[float, ...]:
        """Training loss by round, first to last; empty where the trainer reports none."""
        ...


class FittedModel(Protocol):
    """What a gate asks of a model; `training.model.Model` is one."""

    @property
    def task(self) -> Task:
        """What it predicts."""
        ...

    @property
    def classes(self) -> tuple[Any, ...]:
        """Names of the classes in their order, the positive one last; empty for regression."""
        ...

    @property
    def estimator(self) -> FittedEstimator:
        """What was fitted."""
        ...

    def encode_target(self, series: pd.Series) -> NDArray[np.generic]:
        """Encode targets by the model's classes. Raises TrainingError for what it cannot."""
        ...

    def scores(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Score rows; shapes as in `Task`."""
        ...


@dataclass(frozen=True)
class Reply:
    """An HTTP answer: its status and its JSON body (text where it is not JSON)."""

    status: int
    body: Any


class Service(Protocol):
    """A running inference service. Both raise ServiceUnavailable when it does not answer."""

    def get(self, path: str) -> Reply:
        """Answer of GET."""
        ...

    def post(self, path: str, body: object) -> Reply:
        """Answer of POST with a JSON body."""
        ...


@dataclass(frozen=True, kw_only=True)
class TrainingEvidence:
    """For gates on `trained_model`.

    frame: training rows, raw columns with the target; the model was fitted on them.
    fit: trains as declared on such a frame.
    """

    frame: pd.DataFrame
    target: str
    task: Task
    fit: Callable[[pd.DataFrame], FittedModel]
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class EvaluationEvidence:
    """For gates on `evaluation_report`.

    evaluation: of the candidate on the holdout.
    """

    evaluation: Evaluation


@dataclass(frozen=True, kw_only=True)
class ServiceEvidence:
    """For gates on `deployed_bento`.

    records: valid records of the holdout, as a client would send them.
    scores: the model's own scores of these records, shapes as in `Task`.
    classes: names of the classes in their order, the positive one last; empty for regression.
    version: the model version that should answer.
    threshold: from which score on a binary model decides for the positive class.
    """

    service: Service
    records: Sequence[Record]
    scores: NDArray[np.float64]
    task: Task
    version: str
    classes: Sequence[Any] = field(default=())
    threshold: float = 0.5
