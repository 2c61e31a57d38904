"""A saved model as an MLflow pyfunc model: code and data, no pickle."""

import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ml_platform.registry.embedded import import_mlflow, versions_by_name

MODEL_IN_PACKAGE = "data/model"
_LIBRARIES = ("numpy", "pandas", "pydantic", "scikit-learn", "skops", "xgboost")

_EXAMPLE_ROWS = 5


def package(
    folder: Path, to: Path, *, input_example: pd.DataFrame, output_example: Any, model: Any
) -> Path:
    """Write the MLflow model `to`, around a copy of the saved model in `folder`.

    model: the `mlflow.models.Model` that carries the ids. Requirements are named, so MLflow
    does not load the model in another process to guess them.
    """
    pyfunc = import_mlflow("mlflow.pyfunc")
    staged = to.parent / "model"
    shutil.copytree(folder, staged, ignore=shutil.ignore_patterns("__pycache__"))
    with versions_by_name():
        pyfunc.save_model(
            path=str(to),
            loader_module="ml_platform.registry.pyfunc",
            data_path=str(staged),
            mlflow_model=model,
            signature=signature(input_example, output_example),
            input_example=input_example.head(_EXAMPLE_ROWS),
            pip_requirements=_requirements(),
        )
    return to


def signature(inputs: pd.DataFrame, outputs: Any) -> Any:
    """The MLflow signature of raw rows `(n, columns)` and their scores `(n,)` or `(n, k)`.

    A column with a missing value in the example is optional.
    """
    import_mlflow("mlflow.models")
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    columns: list[Any] = [
        ColSpec(_mlflow_type(column), name=str(name), required=not bool(column.isna().any()))
        for name, column in inputs.items()
    ]
    scores = np.asarray(outputs)
    shape = (-1, *scores.shape[1:])
    return ModelSignature(Schema(columns), Schema([TensorSpec(np.dtype("float64"), shape)]))


def _mlflow_type(column: pd.Series) -> Any:
    from mlflow.types.schema import AnyType

    if pd.api.types.is_string_dtype(column.dtype) or column.dtype == object:
        return "string"
    if not isinstance(column.dtype, np.dtype):
        # MLflow's check has no integer, boolean or zoned time that may be missing.
        return AnyType()
    known = {"i": "long", "u": "long", "f": "double", "b": "boolean", "M": "datetime"}
    return known.get(column.dtype.kind, AnyType())


def _requirements() -> list[str]:
    pinned: list[str] = []
    for library in _LIBRARIES:
        try:
            pinned.append(f"{library}=={version(library)}")
        except PackageNotFoundError:
            continue
    return pinned
