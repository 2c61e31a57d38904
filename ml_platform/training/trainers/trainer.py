"""What a trainer is, and what it leaves behind."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ml_platform.plugins import Plugin, Registry
from ml_platform.task import Task

Matrix = NDArray[np.float64]


class Estimator(ABC):
    """A fitted model over encoded features."""

    losses: tuple[float, ...] = ()
    """Training loss by round, first to last, where the trainer reports it."""

    @abstractmethod
    def scores(self, matrix: Matrix) -> NDArray[np.float64]:
        """Score rows of shape (n, features); the shape of the result is told by `Task`."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the estimator to an empty folder in a format that runs no code when read."""


class Trainer(Plugin, ABC):
    """Fits an estimator; the same matrix, target and declaration give the same bits on CPU.

    seed: of all that is drawn by lot while fitting.
    """

    format: ClassVar[str]
    """Name of the file format of the estimator, such as "ubj" or "skops"."""

    seed: int = Field(default=0, ge=0, lt=2**31)

    def check(self, *, task: Task) -> None:
        """Tell before any row is read whether this declaration can train for `task`.

        May import the vendor, so it is for `ml-platform check`, for runs and for `fit`, not for
        loading.
        Raises TrainingError with what would be valid.
        """

    @abstractmethod
    def fit(
        self,
        matrix: Matrix,
        target: NDArray[np.generic],
        *,
        task: Task,
        classes: int,
        weights: NDArray[np.float64] | None = None,
    ) -> Estimator:
        """Fit on encoded rows in their given order; `classes` is 0 for regression.

        weights: how much each row counts, shape (n,), mean 1; None is all the same.
        Raises TrainingError when nothing can be learned from these rows.
        """

    @classmethod
    @abstractmethod
    def load(cls, folder: Path) -> Estimator:
        """Read what `Estimator.save` wrote. Raises ModelError when it is damaged or unsafe."""


TRAINERS = Registry("trainer", Trainer, package="ml_platform.training.trainers")
