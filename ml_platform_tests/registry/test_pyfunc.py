"""A registered model, loaded by MLflow's own means, scores as ours does."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_platform.features.spec import FeatureSpec
from ml_platform.registry.embedded import import_mlflow
from ml_platform.registry.registry import ModelRegistry
from ml_platform.task import Task
from ml_platform.training.fit import train
from ml_platform.training.model import Model
from ml_platform.training.trainers.trainer import TRAINERS

XGBOOST = {"type": "xgboost", "rounds": 5}
LOGISTIC = {"type": "sklearn", "estimator": "sklearn.linear_model.LogisticRegression"}


def rows() -> pd.DataFrame:
    """Columns of every dtype that a contract has, with what may be missing missing."""
    rng = np.random.default_rng(0)
    n = 80
    count = pd.array(rng.integers(0, 9, n), dtype="Int64")
    count[3] = pd.NA
    return pd.DataFrame(
        {
            "distance": rng.integers(1, 5000, n),
            "delay": np.where(np.arange(n) % 7 == 0, np.nan, rng.normal(size=n)),
            "seats": count,
            "carrier": [None if i == 5 else ["UA", "AA", "中"][i % 3] for i in range(n)],
            "weekend": rng.integers(0, 2, n).astype(bool),
            "when": pd.date_range("2026-01-01", periods=n, freq="h"),
            "late": rng.integers(0, 2, n),
            "kind": [f"k{i % 3}" for i in range(n)],
        }
    )


@pytest.fixture
def load_registered(registry: ModelRegistry) -> Iterator[Callable[[str], Any]]:
    mlflow = import_mlflow()
    pyfunc = import_mlflow("mlflow.pyfunc")
    mlflow.set_tracking_uri(registry.tracking_uri)
    yield pyfunc.load_model
    mlflow.set_tracking_uri(None)


def registered(
    registry: ModelRegistry, tmp_path: Path, model: Model, example: pd.DataFrame
) -> Path:
    folder = tmp_path / "saved"
    model.save(folder, folder_of_declaration=tmp_path)
    run_id = registry.open_run("flights", dagster_run_id="a")
    registry.register(
        "flights",
        run_id=run_id,
        folder=folder,
        input_example=example,
        output_example=model.scores(example),
    )
    return folder


@pytest.mark.parametrize(
    ("task", "target", "trainer"),
    [
        (Task.BINARY, "late", XGBOOST),
        (Task.MULTICLASS, "kind", LOGISTIC),
        (Task.REGRESSION, "distance", XGBOOST),
    ],
)
def test_mlflow_loads_the_model_without_pickle_and_scores_bit_for_bit_the_same(
    registry: ModelRegistry,
    load_registered: Callable[[str], Any],
    tmp_path: Path,
    task: Task,
    target: str,
    trainer: dict[str, Any],
) -> None:
    frame = rows()
    numeric = tuple({"distance", "delay", "seats", "weekend"} - {target})
    model = train(
        frame,
        target=target,
        task=task,
        features=FeatureSpec(numeric=numeric, categorical=("carrier",)),
        trainer=TRAINERS.parse(trainer),
        folder=tmp_path,
    )
    given = frame.drop(columns=target)
    folder = registered(registry, tmp_path, model, given.head(10))
    loaded = load_registered("models:/flights/1")
    np.testing.assert_array_equal(loaded.predict(given), model.scores(given))

    stored = registry.download("flights", 1, tmp_path / "downloaded")
    np.testing.assert_array_equal(Model.load(stored).scores(given), model.scores(given))
    names = {file.name for file in (tmp_path / "artifacts").rglob("*") if file.is_file()}
    assert {file.name for file in folder.rglob("*") if file.is_file()} <= names
    assert not {name for name in names if name.endswith((".pkl", ".pickle", ".joblib"))}


def test_requirements_are_compared_without_reading_all_that_is_installed(
    registry: ModelRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    utilities = import_mlflow("mlflow.utils.requirements_utils")
    monkeypatch.setattr(utilities, "_MODULES_TO_PACKAGES", None)
    compared: list[str] = []
    compare = utilities._get_installed_version
    monkeypatch.setattr(
        utilities,
        "_get_installed_version",
        lambda name, module=None: compared.append(name) or compare(name, module),
    )
    monkeypatch.setattr("importlib_metadata.packages_distributions", lambda: pytest.fail("read"))
    frame = rows()
    model = train(
        frame,
        target="late",
        task=Task.BINARY,
        features=FeatureSpec(numeric=("distance",)),
        trainer=TRAINERS.parse(XGBOOST),
        folder=tmp_path,
    )
    registered(registry, tmp_path, model, frame.drop(columns="late").head(10))
    assert {"mlflow", "numpy", "xgboost"} <= set(compared)
    assert utilities._MODULES_TO_PACKAGES is None, "who asks for the modules later gets them"


def test_the_transform_of_the_declaration_travels_with_the_version(
    registry: ModelRegistry, load_registered: Callable[[str], Any], tmp_path: Path
) -> None:
    (tmp_path / "features.py").write_text(
        "def build(frame):\n    return frame.assign(double=frame['distance'] * 2.0)\n"
    )
    frame = rows()
    model = train(
        frame,
        target="late",
        task=Task.BINARY,
        features=FeatureSpec(numeric=("double",), transform="features:build"),
        trainer=TRAINERS.parse(XGBOOST),
        folder=tmp_path,
    )
    given = frame.drop(columns="late")
    registered(registry, tmp_path, model, given.head(10))
    (tmp_path / "features.py").unlink()
    loaded = load_registered("models:/flights/1")
    np.testing.assert_array_equal(loaded.predict(given), model.scores(given))
    signature = loaded.metadata.signature
    assert signature.inputs.input_names() == list(given.columns)
    types = dict(zip(given.columns, map(str, signature.inputs.input_types()), strict=True))
    assert types["distance"] == "DataType.long"
    [scores] = signature.outputs.inputs
    assert (scores.type, scores.shape) == (np.dtype("float64"), (-1,))
