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

_REFUSALS = (
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    np.linalg.LinAlgError,
)
"""What scikit-learn raises for parameters, or rows, that it cannot train with."""


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
    params: its constructor's; a mapping with `estimator` (and `params`) is an estimator again, in
        lists too: `estimators: [[linear, {estimator: ...}], [forest, {estimator: ...}]]`. `n_jobs`
        is that of the outermost one; those within it have one thread.
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
        fitted = SklearnEstimator(pipeline, task)
        try:
            pipeline.fit(matrix, target, **self._weighted(pipeline[-1], weights))
            if "n_jobs" in pipeline[-1].get_params():
                pipeline[-1].set_params(n_jobs=1)  # threads would add votes in any order
            fitted.scores(matrix[:1])  # what it is made of may give no probabilities
        except _REFUSALS as error:
            raise TrainingError(f"{self.estimator} cannot train: {error}") from error
        return fitted

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
        try:
            fits = is_regressor(made) if task is Task.REGRESSION else is_classifier(made)
            scores = task is Task.REGRESSION or not fits or _gives_probabilities(made)
        except _REFUSALS as error:
            raise TrainingError(
                f"{self.estimator} cannot train with these params; an estimator among them is a "
                f"mapping, {{estimator: sklearn...., params: {{...}}}}: {error}"
            ) from error
        if not fits:
            kind = "regressor" if task is Task.REGRESSION else "classifier"
            raise TrainingError(f"{self.estimator} is no {kind}, and the task is {task}")
        if not scores:
            raise TrainingError(
                f"{self.estimator} gives no probabilities as declared; set the parameter that "
                "makes it (VotingClassifier: voting: soft, SGDClassifier: loss: log_loss), or wrap "
                "it: estimator: sklearn.calibration.CalibratedClassifierCV, params: {estimator: "
                "{estimator: ...}}"
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


def _gives_probabilities(made: Any) -> bool:
    """Whether it has `predict_proba`; some, as StackingClassifier, know it only once fitted."""
    from sklearn.base import clone

    if hasattr(made, "predict_proba"):
        return True
    rows = np.random.default_rng(0).normal(size=(40, 2))
    return hasattr(clone(made).fit(rows, np.arange(40) % 2), "predict_proba")


def _made(path: str, params: dict[str, Any], *, seed: int) -> Any:
    cls = _class(path)
    inner = {name: _value(value, seed=seed) for name, value in params.items()}
    valid = cls._get_param_names()  # the public way needs an instance
    unknown = [name for name in inner if name not in valid]
    if unknown:
        raise TrainingError(
            f"{path} has no parameter {', '.join(map(repr, unknown))} (valid: {', '.join(valid)})"
        )
    if "random_state" in valid:
        inner.setdefault("random_state", seed)
    try:
        return cls(**inner)
    except TypeError as error:
        raise TrainingError(f"{path} cannot be made: {error}") from error


def _value(value: Any, *, seed: int) -> Any:
    """A parameter's value; what stands for an estimator, in lists too, is made."""
    if isinstance(value, list):
        return [_value(each, seed=seed) for each in value]
    if not (isinstance(value, dict) and isinstance(value.get("estimator"), str)):
        return value
    unknown = value.keys() - {"estimator", "params"}
    if unknown:
        raise TrainingError(
            f"{value['estimator']} has {', '.join(map(repr, sorted(unknown)))} beside it "
            "(valid: estimator, params)"
        )
    params = value.get("params", {})
    # One thread, as `fit` sets for the outermost: of those within, it cannot once they are fitted.
    alone = {"n_jobs": 1} if "n_jobs" in params else {}
    return _made(value["estimator"], {**params, **alone}, seed=seed)


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
