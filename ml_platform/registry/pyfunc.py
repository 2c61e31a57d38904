"""What `mlflow.pyfunc.load_model` runs to load one of our models; the package must be installed."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ml_platform.training.model import Model


class ScoringModel:
    """Scores a frame of raw columns, as `Model.scores` does."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def predict(self, frame: pd.DataFrame, params: dict[str, Any] | None = None) -> np.ndarray:
        """Return the scores `(n,)` or `(n, k)`; there are no parameters to give."""
        del params
        return self.model.scores(frame)


def _load_pyfunc(path: str) -> ScoringModel:  # pyright: ignore[reportUnusedFunction]
    return ScoringModel(Model.load(Path(path)))
