"""One prediction in the process: microseconds a call at 1, 16, 256 and 1,000 records.

    python benchmarks/predictor.py [--rounds N] [--end DATE]

Records go in as dicts, probabilities come out. The pipeline is a one-hot ColumnTransformer and
the very same XGBoost trees (200 of depth 6) on flights; `mlflow` is that pipeline as an MLflow
pyfunc with a signature; `reference` is our encoder with the training library, `compiled` what
serves. The contenders take turns in each round; medians over the rounds. All answers are compared
bit for bit with those of the pipeline.
"""

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from ml_platform.defs.flight_delays.source import load
from ml_platform.features.spec import FeatureSpec
from ml_platform.serving.client_records import client_records
from ml_platform.serving.compiled.model import compiled
from ml_platform.task import Task
from ml_platform.training.fit import train
from ml_platform.training.model import Model
from ml_platform.training.trainers.trainer import TRAINERS

NUMERIC = (
    "dep_delay", "distance", "scheduled_hour", "scheduled_minutes", "weekday", "plane_age",
    "seats", "temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib",
)  # fmt: skip
CATEGORICAL = ("carrier", "origin", "dest")
SIZES = (1, 16, 256, 1000)
SECONDS = 0.15

TRAINERS_TIMED = {
    "XGBoost, 200 trees of depth 6": {
        "type": "xgboost",
        "rounds": 200,
        "params": {"max_depth": 6},
    },
    "LogisticRegression": {
        "type": "sklearn",
        "estimator": "sklearn.linear_model.LogisticRegression",
        "params": {"max_iter": 300},
    },
    "RandomForest, 100 trees of depth 10": {
        "type": "sklearn",
        "estimator": "sklearn.ensemble.RandomForestClassifier",
        "params": {"n_estimators": 100, "max_depth": 10},
    },
}

Records = Sequence[dict[str, Any]]
Predict = Callable[[Records], Any]


def trained(declared: Mapping[str, Any], rows: pd.DataFrame) -> Model:
    """Train on the flights."""
    return train(
        rows,
        target="late",
        task=Task.BINARY,
        features=FeatureSpec(numeric=NUMERIC, categorical=CATEGORICAL, max_categories=200),
        trainer=TRAINERS.parse(dict(declared)),
        folder=Path(),
    )


def pipeline_of(model: Model, rows: pd.DataFrame) -> Any:
    """The pipeline that one writes by hand, around the same fitted estimator."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder
    from xgboost import XGBClassifier

    categories = [list(block.categories) for block in model.encoder.blocks]
    one_hot = OneHotEncoder(categories=categories, handle_unknown="ignore", sparse_output=False)
    columns = ColumnTransformer(
        [("numbers", "passthrough", list(NUMERIC)), ("categories", one_hot, list(CATEGORICAL))]
    )
    columns.fit(rows.head(1000))
    estimator: Any = model.estimator
    if model.trainer == "sklearn":
        return Pipeline([("columns", columns), ("model", estimator.pipeline)])
    with tempfile.TemporaryDirectory() as folder:
        estimator.save(Path(folder))
        classifier = XGBClassifier(n_jobs=1)
        classifier.load_model(Path(folder) / "model.ubj")
    return Pipeline([("columns", columns), ("model", classifier)])


def contenders(model: Model, rows: pd.DataFrame, folder: Path) -> dict[str, Predict]:
    """Every way from records to probabilities."""
    pipeline, fast = pipeline_of(model, rows), compiled(model)
    columns = [*NUMERIC, *CATEGORICAL]
    found: dict[str, Predict] = {
        "pipeline": lambda records: pipeline.predict_proba(
            pd.DataFrame(records, columns=columns).astype(dict.fromkeys(NUMERIC, float))
        )[:, 1],
        "reference": model.scores_of_records,
        "compiled": lambda records: (
            fast.score_of_record(records[0])
            if len(records) == 1
            else fast.scores_of_records(records)
        ),
    }
    if model.trainer == "xgboost":
        found["mlflow"] = _pyfunc(pipeline, rows, folder)
        matrices = {size: model.encode(rows.head(size)) for size in SIZES}
        booster: Any = model.estimator
        found["inplace_predict alone"] = lambda records: booster.booster.inplace_predict(
            matrices[len(records)], validate_features=False
        )
    return found


def _pyfunc(pipeline: Any, rows: pd.DataFrame, folder: Path) -> Predict:
    from mlflow.models import infer_signature
    from mlflow.pyfunc import load_model
    from mlflow.sklearn import save_model

    example = rows.head(5)[[*NUMERIC, *CATEGORICAL]].astype(dict.fromkeys(NUMERIC, float))
    signature = infer_signature(example, pipeline.predict_proba(example))
    place = str(folder / "pyfunc")
    save_model(
        pipeline,
        place,
        signature=signature,
        pyfunc_predict_fn="predict_proba",
        serialization_format="cloudpickle",
        pip_requirements=[],
    )
    loaded = load_model(place)
    columns = list(example.columns)
    return lambda records: loaded.predict(
        pd.DataFrame(records, columns=columns).astype(dict.fromkeys(NUMERIC, float))
    )[:, 1]


def microseconds(predict: Predict, records: Records) -> float:
    """Mean CPU time of a call, over SECONDS: other work on the machine counts little."""
    calls, began = 0, time.process_time()
    while (spent := time.process_time() - began) < SECONDS:
        predict(records)
        calls += 1
    return spent / calls * 1e6


def main() -> None:
    """Time and compare; print a table for each model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--end", default="2013-04-01")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = load(start="2013-01-01", end=arguments.end)
    records = client_records(rows.head(max(SIZES)), [*NUMERIC, *CATEGORICAL])
    for name, declared in TRAINERS_TIMED.items():
        with tempfile.TemporaryDirectory() as folder:
            ways = contenders(trained(declared, rows), rows, Path(folder))
            report(name, len(rows), ways, records, rounds=arguments.rounds)


def report(
    name: str, rows: int, ways: Mapping[str, Predict], records: Records, *, rounds: int
) -> None:
    """Print the medians, ratios to the pipeline, and whether the answers are its own."""
    print(f"\n{name}, trained on {rows:,} rows; microseconds a call, median of {rounds} rounds")
    expected = np.asarray(ways["pipeline"](records), np.float64)
    taken: dict[tuple[str, int], list[float]] = {}
    for number in range(rounds):
        order = list(ways) if number % 2 == 0 else list(ways)[::-1]
        for size in SIZES:
            for way in order:
                spent = microseconds(ways[way], records[:size])
                taken.setdefault((way, size), []).append(spent)
    print(f"{'':24}" + "".join(f"{size:>12,}" for size in SIZES) + "   1 row, to the pipeline")
    for way, predict in ways.items():
        medians = [median(taken[way, size]) for size in SIZES]
        same = np.array_equal(np.asarray(predict(records), np.float64), expected)
        ratio = median(taken["pipeline", 1]) / medians[0]
        equal = "equal bit for bit" if same else "NOT equal"
        cells = "".join(f"{value:12,.1f}" for value in medians)
        print(f"{way:24}{cells}   {ratio:6.0f} x, {equal}", flush=True)


if __name__ == "__main__":
    main()
