"""A model that holds a known number of bytes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ml_platform.features.encoder import FeatureEncoder
from ml_platform.features.spec import FeatureSpec
from ml_platform.task import Task
from ml_platform.training.model import Model
from ml_platform.training.trainers.trainer import Estimator, Trainer


@dataclass(frozen=True, eq=False)
class Held(Estimator):
    """Bytes, and nothing learned."""

    content: NDArray[np.uint8]

    def scores(self, matrix: Any) -> NDArray[np.float64]:
        """Nothing."""
        return np.zeros(len(matrix))

    def save(self, folder: Path) -> None:
        """Write them as they are."""
        folder.mkdir()
        np.save(folder / "held.npy", self.content)


class Ballast(Trainer):
    """Reads them back into memory."""

    type: Literal["harness.ballast:Ballast"] = "harness.ballast:Ballast"
    format: ClassVar[str] = "npy"

    def fit(self, *args: Any, **kwargs: Any) -> Held:
        """Nothing to learn."""
        raise NotImplementedError

    @classmethod
    def load(cls, folder: Path) -> Held:
        """The bytes, all of them read."""
        return Held(np.load(folder / "held.npy"))


def save_model(folder: Path, *, held: int) -> None:
    """Write a model of so many bytes more than none."""
    features = FeatureSpec(numeric=("x",))
    Model(
        task=Task.REGRESSION,
        classes=(),
        features=features,
        encoder=FeatureEncoder(numeric=("x",), blocks=()),
        estimator=Held(np.random.default_rng(held).integers(0, 256, held, dtype=np.uint8)),
        trainer="harness.ballast:Ballast",
        inputs={"x": "float64"},
    ).save(folder, folder_of_declaration=folder)
