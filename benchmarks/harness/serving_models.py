"""The flights model in every form that is served: our Bentos, a pipeline, an MLflow model."""

import json
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from predictor import CATEGORICAL, NUMERIC, TRAINERS_TIMED, pipeline_of, trained

from ml_platform.defs.flight_delays.source import load
from ml_platform.serving.build import build_bento
from ml_platform.serving.client_records import client_records
from ml_platform.serving.scoring import prove
from ml_platform.spec.load import load_declaration
from ml_platform.spec.roots import SHIPPED
from ml_platform.spec.serving import JournalSpec, ServingSpec
from ml_platform.training.model import Model

NAME, KEY = "flight_delays", "flight_id"
PROCESS, POWER, CANDIDATE = 1, 2, 3
RECORDS = 200


class Forms(NamedTuple):
    """Where what lies.

    model: as `Model.save` wrote it. bentos: with versions PROCESS and POWER of that model, and
    CANDIDATE, another. records, wrapped, split: a request body a line: the record, the same under
    a name, and as `mlflow models serve` wants it. expected: the probability of the first one.
    """

    model: Path
    bentos: Path
    pipeline: Path
    mlflow: Path
    records: Path
    wrapped: Path
    split: Path
    expected: float


def made(folder: Path, *, end: str) -> Forms:
    """Train on the flights until `end`, and write down everything that a server needs."""
    warnings.simplefilter("ignore")
    rows = load(start="2013-01-01", end=end)
    declared = dict(next(iter(TRAINERS_TIMED.values())))
    model = trained(declared, rows)
    other = trained({**declared, "params": {"max_depth": 6, "subsample": 0.8}}, rows)
    forms = Forms(
        *(folder / name for name in Forms._fields[:4]),
        *(folder / f"{name}.jsonl" for name in Forms._fields[4:7]),
        expected=float(model.scores(rows.head(1))[0]),
    )
    _bentos(forms, model, other, rows)
    _pipelines(forms, model, rows)
    _bodies(forms, rows)
    return forms


def _bentos(forms: Forms, model: Model, other: Model, rows: pd.DataFrame) -> None:
    contract = load_declaration(SHIPPED / NAME / "defs.yaml").spec.data.contract
    power = ServingSpec(journal=JournalSpec(durability="power"))
    other_folder = forms.model.with_name("other")
    model.save(forms.model, folder_of_declaration=Path())
    other.save(other_folder, folder_of_declaration=Path())
    holdout = client_records(rows.tail(100), [*NUMERIC, *CATEGORICAL])
    for version, served, folder, spec in (
        (PROCESS, model, forms.model, ServingSpec()),
        (POWER, model, forms.model, power),
        (CANDIDATE, other, other_folder, ServingSpec()),
    ):
        scoring = prove(served, contract.columns, holdout=holdout)[1]
        assert scoring.path == "compiled", scoring
        build_bento(
            model_folder=folder,
            name=NAME,
            version=version,
            contract=contract.model_dump(mode="json"),
            release={"owner": "ops@example.com"},
            bentos=forms.bentos,
            serving=spec,
            key=KEY,
            scoring=scoring,
        )


def _pipelines(forms: Forms, model: Model, rows: pd.DataFrame) -> None:
    import joblib
    from mlflow.models import infer_signature
    from mlflow.sklearn import save_model

    pipeline = pipeline_of(model, rows)
    joblib.dump(pipeline, forms.pipeline)
    example = rows.head(5)[[*NUMERIC, *CATEGORICAL]].astype(dict.fromkeys(NUMERIC, float))
    save_model(
        pipeline,
        str(forms.mlflow),
        signature=infer_signature(example, pipeline.predict_proba(example)),
        pyfunc_predict_fn="predict_proba",
        serialization_format="cloudpickle",
        pip_requirements=[],
    )


def _bodies(forms: Forms, rows: pd.DataFrame) -> None:
    records = client_records(rows.head(RECORDS), [KEY, *NUMERIC, *CATEGORICAL])
    _write(forms.records, records)
    _write(forms.wrapped, [{"flight": record} for record in records])
    columns = [*NUMERIC, *CATEGORICAL]
    _write(
        forms.split,
        [
            {"dataframe_split": {"columns": columns, "data": [[one[name] for name in columns]]}}
            for one in records
        ],
    )


def _write(file: Path, bodies: list[dict[str, Any]]) -> None:
    file.write_text("".join(json.dumps(body) + "\n" for body in bodies), encoding="utf-8")
