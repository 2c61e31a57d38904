"""What the pipeline does, written by hand with the same libraries: one script, one process.

Read, keep a Delta version, validate with pandera, keep a Delta version, split, try 100 rows,
encode and fit, metrics with bootstrap intervals, slices, curves, Evidently on a sample, log and
register in MLflow, build a Bento, serve it, and compare 200 answers with the model's own.
"""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Case:
    """What differs from model to model."""

    load: Callable[[], pd.DataFrame]
    time: str
    target: str
    numeric: list[str]
    categorical: list[str]
    gap: str
    params: dict[str, Any]
    slices: list[str]
    metrics: list[str]
    bootstrap: int
    checks: dict[str, Any]


def flight_delays() -> Case:
    from pandera.pandas import Check

    from ml_platform.defs.flight_delays.source import load

    return Case(
        load=lambda: load(start="2013-01-01", end="2013-04-01"),
        time="scheduled_departure",
        target="late",
        numeric=[
            *("dep_delay", "distance", "scheduled_hour", "scheduled_minutes", "weekday"),
            *("plane_age", "seats", "temp", "dewp", "humid", "wind_dir", "wind_speed", "precip"),
            *("pressure", "visib"),
        ],
        categorical=["carrier", "origin", "dest"],
        gap="1d",
        params={
            "n_estimators": 200,
            "max_depth": 6,
            "learning_rate": 0.05,
            "subsample": 0.8,
            "colsample_bytree": 0.8,
            "random_state": 7,
        },
        slices=["origin", "carrier"],
        metrics=["roc_auc", "average_precision", "brier"],
        bootstrap=200,
        checks={
            "flight_id": Check.str_matches(r"\d{8}-[0-9A-Z]{2}\d{1,4}-(EWR|JFK|LGA)$"),
            "scheduled_departure": Check.in_range("2013-01-01", "2014-01-02"),
            "carrier": Check.str_length(2, 2),
            "origin": Check.isin(["EWR", "JFK", "LGA"]),
            "dest": Check.str_matches("[A-Z]{3}$"),
            "distance": Check.in_range(17, 5000),
            "dep_delay": Check.in_range(-90, 1500),
            "scheduled_hour": Check.in_range(0, 23),
            "scheduled_minutes": Check.in_range(20, 700),
            "weekday": Check.in_range(0, 6),
            "plane_age": Check.in_range(0, 70),
            "seats": Check.in_range(1, 600),
            "temp": Check.in_range(-20, 115),
            "dewp": Check.in_range(-40, 90),
            "humid": Check.in_range(0, 100),
            "wind_dir": Check.in_range(0, 360),
            "wind_speed": Check.in_range(0, 120),
            "precip": Check.in_range(0, 5),
            "pressure": Check.in_range(950, 1070),
            "visib": Check.in_range(0, 10),
            "late": Check.isin([0, 1]),
        },
    )


def small_credit() -> Case:
    from pandera.pandas import Check

    from ml_platform_tests.models.small_credit.features import build
    from ml_platform_tests.models.small_credit.source import load

    return Case(
        load=lambda: build(load()),
        time="applied_at",
        target="defaulted",
        numeric=["income", "amount", "years_employed", "burden"],
        categorical=["purpose"],
        gap="1h",
        params={"n_estimators": 20, "max_depth": 3, "learning_rate": 0.3, "random_state": 1},
        slices=["purpose"],
        metrics=["roc_auc", "log_loss"],
        bootstrap=50,
        checks={
            "income": Check.in_range(1, 1e6),
            "amount": Check.in_range(1, 1e6),
            "years_employed": Check.in_range(0, 60),
            "purpose": Check.isin(["car", "house", "other"]),
        },
    )


def keep(frame: pd.DataFrame, table: str) -> None:
    from deltalake import write_deltalake

    write_deltalake(table, frame)


def validate(frame: pd.DataFrame, case: Case) -> pd.DataFrame:
    import pandera.pandas as pa

    columns = {name: pa.Column(checks=check, nullable=True) for name, check in case.checks.items()}
    return pa.DataFrameSchema(columns).validate(frame, lazy=True)


def split(frame: pd.DataFrame, case: Case) -> tuple[pd.DataFrame, pd.DataFrame]:
    cut = frame[case.time].sort_values().iloc[int(len(frame) * 0.8)]
    train = frame[frame[case.time] < cut - pd.Timedelta(case.gap)]
    return train, frame[frame[case.time] >= cut]


def fit(train: pd.DataFrame, case: Case) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder
    from xgboost import XGBClassifier

    encoder = ColumnTransformer(
        [
            ("numeric", "passthrough", case.numeric),
            ("categorical", OneHotEncoder(handle_unknown="ignore"), case.categorical),
        ],
        sparse_threshold=0,
    )
    pipeline = Pipeline([("encode", encoder), ("model", XGBClassifier(**case.params))])
    return pipeline.fit(train, train[case.target])


def evaluate(holdout: pd.DataFrame, scores: np.ndarray, case: Case) -> dict[str, Any]:
    from sklearn import metrics

    known = {
        "roc_auc": metrics.roc_auc_score,
        "average_precision": metrics.average_precision_score,
        "brier": metrics.brier_score_loss,
        "log_loss": metrics.log_loss,
    }
    target = holdout[case.target].to_numpy()
    rng = np.random.default_rng(0)
    found: dict[str, Any] = {}
    parts = {"all": np.ones(len(holdout), dtype=bool)}
    for column in case.slices:
        for value in holdout[column].unique():
            parts[f"{column}_{value}"] = (holdout[column] == value).to_numpy()
    for part, rows in parts.items():
        y, s = target[rows], scores[rows]
        if len(np.unique(y)) < 2:
            continue
        for name in case.metrics:
            drawn = []
            for _ in range(case.bootstrap):
                order = rng.integers(0, len(y), len(y))
                if len(np.unique(y[order])) == 2:
                    drawn.append(known[name](y[order], s[order]))
            found[f"{name}_{part}"] = known[name](y, s)
            found[f"{name}_{part}_low"] = np.percentile(drawn, 2.5)
            found[f"{name}_{part}_high"] = np.percentile(drawn, 97.5)
    return found


def draw(target: pd.Series, scores: np.ndarray, folder: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt
    from sklearn import calibration, metrics

    folder.mkdir()
    for name, display, values in [
        ("roc", metrics.RocCurveDisplay, scores),
        ("precision_recall", metrics.PrecisionRecallDisplay, scores),
        ("calibration", calibration.CalibrationDisplay, scores),
        ("confusion", metrics.ConfusionMatrixDisplay, scores >= 0.5),
    ]:
        display.from_predictions(target, values)
        plt.savefig(folder / f"{name}.png", dpi=110)
        plt.close()


def report_drift(train: pd.DataFrame, holdout: pd.DataFrame, case: Case, folder: Path) -> None:
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    definition = DataDefinition(
        numerical_columns=case.numeric, categorical_columns=case.categorical
    )
    columns = case.numeric + case.categorical
    before, now = (
        Dataset.from_pandas(
            frame.sample(min(2000, len(frame)), random_state=0)[columns], definition
        )
        for frame in (train, holdout)
    )
    Report([DataDriftPreset()]).run(now, before).save_html(str(folder / "evidently.html"))


def register(
    model: Any, name: str, case: Case, train: pd.DataFrame, found: dict[str, Any], reports: Path
) -> None:
    import mlflow

    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    mlflow.set_experiment(name)
    with mlflow.start_run():
        mlflow.log_params(case.params)
        mlflow.log_metrics(found)
        mlflow.log_input(mlflow.data.from_pandas(train.head(1000), name=name))
        mlflow.log_artifacts(str(reports))
        example = train[case.numeric + case.categorical].head(5)
        signature = mlflow.models.infer_signature(example, model.predict_proba(example)[:, 1])
        mlflow.sklearn.log_model(
            model,
            name="model",
            signature=signature,
            input_example=example,
            registered_model_name=name,
            pip_requirements=["xgboost", "scikit-learn", "pandas"],  # to infer them takes seconds
            serialization_format="skops",
            skops_trusted_types=[
                "xgboost.sklearn.XGBClassifier",
                "xgboost.core.Booster",
                "numpy.dtype",
            ],
        )


SERVICE = """
import bentoml, joblib, pandas as pd

@bentoml.service
class Model:
    def __init__(self):
        self.model = joblib.load("model.joblib")

    @bentoml.api
    def predict(self, records: list[dict]) -> list[float]:
        return self.model.predict_proba(pd.DataFrame(records))[:, 1].tolist()
"""


def build(model: Any, name: str) -> None:
    import bentoml
    import joblib

    context = Path("bento")
    context.mkdir()
    (context / "service.py").write_text(SERVICE)
    joblib.dump(model, context / "model.joblib")
    bentoml.bentos.build(
        "service:Model",
        name=name,
        version="1",
        build_ctx=str(context),
        python={"packages": ["xgboost-cpu", "scikit-learn", "pandas", "joblib"]},
    )


def smoke(name: str, records: list[dict[str, Any]], scores: np.ndarray) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "bentoml", "serve", f"{name}:1", "--port", str(port)]
    with Path("serve.log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        while not ready(port):
            time.sleep(0.1)
        body = json.dumps({"records": records}).encode()
        with urllib.request.urlopen(ask(port, "predict", body), timeout=30) as reply:
            assert np.allclose(json.loads(reply.read()), scores)
    finally:
        server.terminate()
        server.wait()


def ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(ask(port, "readyz"), timeout=5) as reply:
            return reply.status == 200
    except OSError:
        return False


def ask(port: int, route: str, body: bytes | None = None) -> urllib.request.Request:
    url = f"http://127.0.0.1:{port}/{route}"
    return urllib.request.Request(url, body, {"Content-Type": "application/json"})


def main() -> None:
    name = sys.argv[1]
    os.environ["BENTOML_HOME"] = str(Path("bentoml").absolute())
    case = {"flight_delays": flight_delays, "small_credit": small_credit}[name]()
    raw = case.load()
    keep(raw, "data/raw")
    valid = validate(raw, case)
    keep(valid, "data/valid")
    train, holdout = split(valid, case)
    fit(train.sample(100, random_state=0), case)
    model = fit(train, case)
    scores = model.predict_proba(holdout)[:, 1]
    reports = Path("reports")
    found = evaluate(holdout, scores, case)
    draw(holdout[case.target], scores, reports)
    report_drift(train, holdout, case, reports)
    register(model, name, case, train, found, reports)
    assert found["roc_auc_all"] > 0.7
    build(model, name)
    records = json.loads(
        holdout[case.numeric + case.categorical].head(200).to_json(orient="records")
    )
    smoke(name, records, scores[:200])
    print({key: round(value, 4) for key, value in found.items() if key.endswith("_all")})


if __name__ == "__main__":
    main()
