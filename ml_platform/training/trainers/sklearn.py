"""Any estimator of scikit-learn, in a pipeline."""

import warnings
import zipfile
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, JsonValue

from ml_platform.exceptions import FeatureError, ModelError, TrainingError
from ml_platform.task import Task
from ml_platform.training.trainers.trainer import TRAINERS, Estimator, Matrix, Trainer

FILE = "model.skops"
TILE_ROWS = 64
TRUSTED_PACKAGES = frozenset({"numpy", "scipy", "sklearn"})


@dataclass(frozen=True)
class SklearnEstimator(Estimator):
    """A fitted pipeline; classes come in the order of their codes."""

    pipeline: Any
    task: Task

    def scores(self, matrix: Matrix) -> NDArray[np.float64]:
        """Score rows by `predict_proba`, or by `predict` for regression.

        Raises FeatureError when the pipeline refuses the numbers: nulls that are not filled, or
        what is too large once it is scaled.
        """
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                return self._scores(_whole_tiles(matrix), len(matrix))
        except ValueError as error:
            reason = str(error).partition("\n")[0]
            raise FeatureError(f"the model refuses these numbers: {reason}") from error

    def _scores(self, whole: Matrix, rows: int) -> NDArray[np.float64]:
        if self.task is Task.REGRESSION:
            return np.asarray(self.pipeline.predict(whole), np.float64).reshape(-1)[:rows]
        scores = np.asarray(self.pipeline.predict_proba(whole), np.float64)[:rows]
        return scores[:, 1] if self.task is Task.BINARY else scores

    def save(self, folder: Path) -> None:
        """Write the pipeline by skops, which names types instead of pickling code."""
        import skops.io

        folder.mkdir(parents=True, exist_ok=True)
        skops.io.dump({"pipeline": self.pipeline, "task": str(self.task)}, folder / FILE)


@TRAINERS.register
class Sklearn(Trainer):
    """Fill nulls, bring to one scale, fit.

    estimator: dotted name such as `sklearn.linear_model.LogisticRegression`. Those of other
        packages are refused: a stored model is read without pickle, as types of numpy, scipy and
        scikit-learn alone. For others write a trainer.
    params: its constructor's; a mapping with `estimator` (and `params`) is an estimator again.
    impute: what stands for null; `none` where the estimator takes nulls itself.
    scale: standardize every column.
    The seed goes to `random_state` where the estimator has one.
    """

    type: Literal["sklearn"] = "sklearn"
    format: ClassVar[str] = "skops"

    estimator: str
    params: dict[str, JsonValue] = Field(default_factory=dict)
    impute: Literal["median", "mean", "most_frequent", "zero", "none"] = "median"
    scale: bool = True

    def check(self, *, task: Task) -> None:
        """Refuse what is no estimator, is another task's, or gives no probabilities."""
        self._estimator(task)

    def fit(
        self,
        matrix: Matrix,
        target: NDArray[np.generic],
        *,
        task: Task,
        classes: int,
        weights: NDArray[np.float64] | None = None,
    ) -> SklearnEstimator:
        """Fit the pipeline. Raises TrainingError for what scikit-learn refuses."""
        pipeline = self._pipeline(self._estimator(task))
        try:
            pipeline.fit(matrix, target, **self._weighted(pipeline[-1], weights))
        except (ValueError, TypeError, ArithmeticError, np.linalg.LinAlgError) as error:
            raise TrainingError(f"{self.estimator} cannot train: {error}") from error
        if "n_jobs" in pipeline[-1].get_params():
            pipeline[-1].set_params(n_jobs=1)  # threads would add votes in any order
        return SklearnEstimator(pipeline, task)

    def _weighted(self, estimator: Any, weights: NDArray[np.float64] | None) -> dict[str, Any]:
        """The weights as an argument of the pipeline's `fit`; the other steps take none."""
        from sklearn.utils.validation import has_fit_parameter

        if weights is None:
            return {}
        if not has_fit_parameter(estimator, "sample_weight"):
            raise TrainingError(
                f"{self.estimator} takes no weights; leave out training_data.recency_half_life "
                "and training_data.balance_classes, or choose another estimator"
            )
        return {"estimator__sample_weight": weights}

    def _pipeline(self, estimator: Any) -> Any:
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import Pipeline
        from sklearn.preprocessing import StandardScaler

        steps: list[tuple[str, Any]] = []
        if self.impute == "zero":
            steps.append(("impute", SimpleImputer(strategy="constant", fill_value=0.0)))
        elif self.impute != "none":
            # An all-null column becomes 0 rather than vanish: the matrix keeps its shape.
            steps.append(("impute", SimpleImputer(strategy=self.impute, keep_empty_features=True)))
        if self.scale:
            steps.append(("scale", StandardScaler()))
        return Pipeline([*steps, ("estimator", estimator)])

    def _estimator(self, task: Task) -> Any:
        from sklearn.base import is_classifier, is_regressor

        made = _made(self.estimator, self.params, seed=self.seed)
        if task is Task.REGRESSION:
            if not is_regressor(made):
                raise TrainingError(f"{self.estimator} is no regressor, and the task is {task}")
        elif not is_classifier(made):
            raise TrainingError(f"{self.estimator} is no classifier, and the task is {task}")
        elif not hasattr(made, "predict_proba"):
            raise TrainingError(
                f"{self.estimator} gives no probabilities; wrap it: estimator: "
                "sklearn.calibration.CalibratedClassifierCV, params: {estimator: {estimator: ...}}"
            )
        return made

    @classmethod
    def load(cls, folder: Path) -> SklearnEstimator:
        """Read a pipeline; refuses any type outside numpy, scipy and scikit-learn."""
        import skops.io
        from skops.io.exceptions import UntrustedTypesFoundException

        file = folder / FILE
        try:
            types = skops.io.get_untrusted_types(file=file)
            foreign = [name for name in types if name.split(".")[0] not in TRUSTED_PACKAGES]
            if foreign:
                raise ModelError(
                    f"{file} holds types that are not loaded: {', '.join(foreign)}; "
                    f"valid: those of {', '.join(sorted(TRUSTED_PACKAGES))}"
                )
            content = skops.io.load(file, trusted=types)
            return SklearnEstimator(content["pipeline"], Task(content["task"]))
        except (
            OSError,
            zipfile.BadZipFile,
            ValueError,
            TypeError,
            KeyError,
            EOFError,
            UntrustedTypesFoundException,
        ) as error:
            raise ModelError(f"{file} cannot be read: {error!r}") from error


def _whole_tiles(matrix: Matrix) -> Matrix:
    # BLAS sums the rows that do not fill a tile in another order, so that a linear model would
    # score a row alone by other last bits than among many. Whole tiles make it one score.
    filling = -len(matrix) % TILE_ROWS if len(matrix) else TILE_ROWS
    return np.concatenate([matrix, np.zeros((filling, matrix.shape[1]))]) if filling else matrix


def _made(path: str, params: dict[str, Any], *, seed: int) -> Any:
    cls = _class(path)
    inner = {
        name: _made(value["estimator"], value.get("params", {}), seed=seed)
        if isinstance(value, dict) and isinstance(value.get("estimator"), str)
        else value
        for name, value in params.items()
    }
    valid = cls._get_param_names()  # the public way needs an instance
    unknown = [name for name in inner if name not in valid]
    if unknown:
        raise TrainingError(
            f"{path} has no parameter {', '.join(map(repr, unknown))} (valid: {', '.join(valid)})"
        )
    if "random_state" in valid:
        inner.setdefault("random_state", seed)
    return cls(**inner)


def _class(path: str) -> Any:
    from sklearn.base import BaseEstimator

    module, _, name = path.replace(":", ".").rpartition(".")
    if module.split(".")[0] != "sklearn":
        raise TrainingError(
            f"estimator {path!r} is not of scikit-learn, and only its own are stored without "
            "pickle; valid: a dotted name such as 'sklearn.linear_model.LogisticRegression'"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            found = getattr(import_module(module), name, None)
    except ImportError as error:
        raise TrainingError(f"estimator {path!r} cannot be imported: {error}") from error
    if not (isinstance(found, type) and issubclass(found, BaseEstimator)):
        raise TrainingError(f"{module} has no estimator {name!r}")
    return found
