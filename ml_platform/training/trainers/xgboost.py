"""Gradient boosted trees by XGBoost."""

import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, JsonValue, field_validator

from ml_platform.exceptions import ModelError, TrainingError
from ml_platform.imports import import_without
from ml_platform.task import Task
from ml_platform.training.early_stopping import EarlyStopping, held_back
from ml_platform.training.trainers.trainer import TRAINERS, Estimator, Matrix, Trainer
from ml_platform.training.xgboost_params import check_params

if TYPE_CHECKING:
    import xgboost

FILE = "model.ubj"

_WITH_SKLEARN = {
    "compat": (),
    "training": ("cv",),
    "plotting": ("plot_importance", "plot_tree", "to_graphviz"),
    "sklearn": (
        "XGBClassifier",
        "XGBModel",
        "XGBRanker",
        "XGBRegressor",
        "XGBRFClassifier",
        "XGBRFRegressor",
    ),
}
"""Of XGBoost, what is less without scikit-learn, for code of others in the same process."""

FEW_ROWS = 2048
"""Up to so many rows a second thread costs more than it brings in scoring."""
FEW_CELLS = 100_000
"""The same of cells of the matrix in training."""

OBJECTIVES = {
    Task.BINARY: "binary:logistic",
    Task.MULTICLASS: "multi:softprob",
    Task.REGRESSION: "reg:squarederror",
}


@dataclass(frozen=True)
class XGBoostEstimator(Estimator):
    """A booster, scored in place: no DMatrix, no pandas."""

    booster: "xgboost.Booster"
    losses: tuple[float, ...] = ()

    def scores(self, matrix: Matrix) -> NDArray[np.float64]:
        """Score rows; XGBoost computes in float32, the result is that number as float64."""
        if len(matrix) == 0:
            return self.scores(np.zeros((1, matrix.shape[1])))[:0]
        booster = self.booster if len(matrix) <= FEW_ROWS else self._parallel
        return booster.inplace_predict(matrix, validate_features=False).astype(np.float64)

    @cached_property
    def _parallel(self) -> "xgboost.Booster":
        booster = self.booster.copy()
        booster.set_param({"nthread": 0})
        return booster

    def save(self, folder: Path) -> None:
        """Write the booster as UBJSON, which holds numbers and text only."""
        folder.mkdir(parents=True, exist_ok=True)
        self.booster.save_model(folder / FILE)


@TRAINERS.register
class XGBoost(Trainer):
    """Boosted trees; nulls need no filling.

    params: XGBoost's own parameters, such as max_depth or eta.
    rounds: trees a class at most; early stopping may keep fewer.
    device: where to train; scoring is on the CPU.
    threads: CPU threads for training, 0 for as many as are of use; the model does not depend on it.
    """

    type: Literal["xgboost"] = "xgboost"
    format: ClassVar[str] = "ubj"

    params: dict[str, JsonValue] = Field(default_factory=dict)
    rounds: int = Field(default=200, ge=1)
    early_stopping: EarlyStopping | None = None
    device: Literal["cpu", "cuda"] = "cpu"
    threads: int = Field(default=0, ge=0)

    @field_validator("params")
    @classmethod
    def _known(cls, params: dict[str, JsonValue]) -> dict[str, JsonValue]:
        check_params(params)
        if params.get("booster", "gbtree") not in {"gbtree", "dart"}:
            raise ValueError(f"booster {params['booster']!r} is not of trees; valid: gbtree, dart")
        return params

    def check(self, *, task: Task) -> None:
        """Refuse an objective that is another task's."""
        objective = str(self.params.get("objective", OBJECTIVES[task]))
        fits = {
            Task.BINARY: objective == OBJECTIVES[Task.BINARY],
            Task.MULTICLASS: objective == OBJECTIVES[Task.MULTICLASS],
            Task.REGRESSION: objective.startswith(("reg:", "count:")),
        }
        if not fits[task]:
            valid = "reg:..., count:poisson" if task is Task.REGRESSION else OBJECTIVES[task]
            raise TrainingError(f"objective {objective!r} does not fit task {task}; valid: {valid}")

    def fit(
        self,
        matrix: Matrix,
        target: NDArray[np.generic],
        *,
        task: Task,
        classes: int,
        weights: NDArray[np.float64] | None = None,
    ) -> XGBoostEstimator:
        """Train on all rows, or on those that early stopping does not hold back."""
        xgboost = _xgboost()

        self.check(task=task)
        params = self._booster_params(task, classes, cells=matrix.size)
        data, watched = self._data(matrix, target, task, weights)
        history: dict[str, dict[str, list[float]]] = {}
        stopping = self.early_stopping
        try:
            booster = xgboost.train(
                params,
                data,
                self.rounds,
                evals=[(data, "training"), *watched],
                evals_result=history,
                early_stopping_rounds=stopping.rounds if stopping else None,
                verbose_eval=False,
            )
        except xgboost.core.XGBoostError as error:
            raise TrainingError(f"XGBoost cannot train: {_first_line(error)}") from error
        if stopping:
            booster = booster[: booster.best_iteration + 1]
        booster.set_param({"device": "cpu", "nthread": 1})
        losses = next(iter(history["training"].values()))[: booster.num_boosted_rounds()]
        return XGBoostEstimator(booster, tuple(map(float, losses)))

    def _booster_params(self, task: Task, classes: int, *, cells: int) -> dict[str, Any]:
        if self.device == "cuda":
            _require_gpu()
        given = {"objective": OBJECTIVES[task], **self.params}
        if task is Task.MULTICLASS:
            given["num_class"] = classes
        threads = self.threads or (1 if cells <= FEW_CELLS else 0)
        fixed = {"seed": self.seed, "device": self.device, "nthread": threads}
        return {"verbosity": 1, **given, **fixed}

    def _data(
        self,
        matrix: Matrix,
        target: NDArray[np.generic],
        task: Task,
        weights: NDArray[np.float64] | None,
    ) -> tuple["xgboost.DMatrix", list[tuple["xgboost.DMatrix", str]]]:
        xgboost = _xgboost()

        quantiles = self.params.get("tree_method", "auto") in ("auto", "hist")
        if not self.early_stopping:
            return _dmatrix(matrix, target, weights, self.params, quantiles=quantiles), []
        held = held_back(target, self.early_stopping, task=task, seed=self.seed)
        kept, watched = (None, None) if weights is None else (weights[~held], weights[held])
        data = _dmatrix(matrix[~held], target[~held], kept, self.params, quantiles=quantiles)
        validation = xgboost.DMatrix(matrix[held], label=target[held], weight=watched)
        return data, [(validation, "validation")]

    @classmethod
    def load(cls, folder: Path) -> XGBoostEstimator:
        """Read a booster; set to one thread, which a service wants."""
        xgboost = _xgboost()

        booster = xgboost.Booster()
        try:
            _require_whole(folder / FILE)
            booster.load_model(folder / FILE)
        except (xgboost.core.XGBoostError, OSError, ValueError) as error:
            raise ModelError(f"{folder / FILE} cannot be read: {_first_line(error)}") from error
        booster.set_param({"nthread": 1})
        return XGBoostEstimator(booster)


def _xgboost() -> ModuleType:
    return import_without("xgboost", "sklearn", parts=_WITH_SKLEARN)


def _dmatrix(
    matrix: Matrix,
    target: NDArray[np.generic],
    weights: NDArray[np.float64] | None,
    params: dict[str, JsonValue],
    *,
    quantiles: bool,
) -> "xgboost.DMatrix":
    xgboost = _xgboost()
    if not quantiles:
        return xgboost.DMatrix(matrix, label=target, weight=weights)
    bins: Any = params.get("max_bin", 256)
    return xgboost.QuantileDMatrix(matrix, label=target, weight=weights, max_bin=bins)


def _require_gpu() -> None:
    if not _xgboost().build_info().get("USE_CUDA"):
        raise TrainingError(
            "device: cuda was declared, but this XGBoost is built for CPUs; "
            "install `xgboost` in place of `xgboost-cpu`, or declare device: cpu"
        )
    if not gpu_is_visible():
        raise TrainingError("device: cuda was declared, but no GPU is visible; declare device: cpu")


def gpu_is_visible() -> bool:
    """Tell whether XGBoost would train on a GPU; without one it falls back with a mere warning."""
    xgboost = _xgboost()
    with xgboost.config_context(verbosity=0):
        data = xgboost.DMatrix(np.zeros((1, 1)), label=np.zeros(1))
        booster = xgboost.train({"device": "cuda", "verbosity": 0}, data, 0)
        config = json.loads(booster.save_config())
    return str(config["learner"]["generic_param"]["device"]).startswith("cuda")


def _require_whole(file: Path) -> None:
    """Raise ValueError for a part of a file: XGBoost would read on beyond its end, and crash."""
    with file.open("rb") as opened:
        first = opened.read(1)
        opened.seek(0, os.SEEK_END)
        opened.seek(max(opened.tell() - 1, 0))
        last = opened.read(1)
    if (first, last) != (b"{", b"}"):
        raise ValueError("it is no whole UBJSON object")


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("Stack trace", "[bt]"))]
    return (told or [type(error).__name__])[0][:300]
