import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_platform.data.contract import ColumnContract, Contract
from ml_platform.exceptions import FeatureError
from ml_platform.serving import scoring
from ml_platform.serving.adversarial import adversarial_records
from ml_platform.serving.compiled.model import CompiledModel, compiled
from ml_platform.serving.compiled.scorer import Unsupported
from ml_platform.serving.scoring import predictor_of, prove
from ml_platform.task import Task
from ml_platform.training.model import Model
from ml_platform_tests.serving.compiled.models import model as small_model
from ml_platform_tests.serving.conftest import CONTRACT

COLUMNS = {
    "delay": ColumnContract(dtype="float64", nullable=True, min=-90, max=1500),
    "distance": ColumnContract(dtype="float64"),
    "seats": ColumnContract(dtype="float64"),
    "carrier": ColumnContract(dtype="category", allowed=["UA", "AA"]),
    "hour": ColumnContract(dtype="int64", min=0, max=23),
}
XGBOOST = '{"type": "xgboost", "rounds": 9}'
USUAL: dict[str, Any] = {
    "delay": 3.5,
    "distance": 700.0,
    "seats": 7.0,
    "carrier": "UA",
    "hour": 1,
}


def broken(fast: CompiledModel, where: Any) -> CompiledModel:
    """Off by one bit for the records that `where` names."""

    class OneBitOff(CompiledModel):
        def score_of_record(self, record: Any) -> Any:
            score = super().score_of_record(record)
            return np.nextafter(score, 2) if where(record) else score

    return OneBitOff(fast.reference, fast.scorer, fast.rows)


def test_adversarial_records_hold_what_trips_encoders_and_trees():
    model = small_model(Task.BINARY, XGBOOST)

    made = adversarial_records(model, COLUMNS)

    assert adversarial_records(model, COLUMNS) == made
    delays = {repr(record["delay"]) for record in made}
    assert {"-0.0", "5e-324", "1e+308", "None", "-90.0", "1500.0"} <= delays
    carriers = {record["carrier"] for record in made}
    assert {"UA", "ua", " UA", "", "no such category", None} <= carriers
    assert {2**53 + 1, -(2**63), 23} <= {record["hour"] for record in made}
    assert all(record.keys() == model.inputs.keys() for record in made)


def test_equal_model_is_proven_on_every_record():
    fast, path = prove(small_model(Task.BINARY, XGBOOST), COLUMNS, holdout=[USUAL] * 3)

    assert fast is not None
    assert (path.path, path.reason, path.holdout) == ("compiled", "", 3)
    assert path.adversarial > 200
    assert "equal bit for bit" in str(path)


def test_one_bit_off_on_one_odd_record_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch):
    off = lambda model: broken(compiled(model), lambda record: record["carrier"] == "ua")  # noqa: E731
    monkeypatch.setattr(scoring, "compiled", off)

    fast, path = prove(small_model(Task.BINARY, XGBOOST), COLUMNS, holdout=[])

    assert fast is None
    assert path.path == "reference"
    assert "another score to {" in path.reason
    assert "'carrier': 'ua'" in path.reason


def test_record_of_the_holdout_is_not_told_to_anybody(monkeypatch: pytest.MonkeyPatch):
    secret = USUAL | {"delay": 123.456}
    off = lambda model: broken(compiled(model), lambda record: record["delay"] == 123.456)  # noqa: E731
    monkeypatch.setattr(scoring, "compiled", off)

    _, path = prove(small_model(Task.BINARY, XGBOOST), COLUMNS, holdout=[USUAL, secret])

    assert path.reason == "the compiled path answers another score to a record of the holdout"


BAYES = '{"estimator": "sklearn.naive_bayes.GaussianNB"}'
STACKED = f'{{"cv": 2, "estimators": [["bayes", {BAYES}]]}}'


@pytest.mark.parametrize(
    ("estimator", "params"),
    [("naive_bayes.GaussianNB", "{}"), ("ensemble.StackingClassifier", STACKED)],
)
def test_model_without_compiled_form_serves_by_its_library(estimator: str, params: str):
    declared = f'{{"type": "sklearn", "estimator": "sklearn.{estimator}", "params": {params}}}'
    slow = small_model(Task.BINARY, declared)

    fast, path = prove(slow, COLUMNS, holdout=[USUAL])

    assert fast is None
    assert f"{estimator.partition('.')[2]} has no compiled form" in str(path)
    expected = slow.scores_of_records([USUAL])[0]
    assert predictor_of(slow, COLUMNS, version="1").score_one(USUAL) == expected


def test_compiled_path_is_left_where_it_is_not_equal_any_more(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    off = lambda model: broken(compiled(model), lambda record: record["hour"] == 23)  # noqa: E731
    monkeypatch.setattr(scoring, "compiled", off)
    model = small_model(Task.BINARY, XGBOOST)

    with caplog.at_level(logging.WARNING):
        predictor = predictor_of(model, COLUMNS, version="4")

    assert predictor.model is model
    assert "version 4 is scored by the training library itself" in caplog.text


def test_platform_without_a_compiler_serves_by_the_library(monkeypatch: pytest.MonkeyPatch):
    def missing(_: Model) -> CompiledModel:
        raise ImportError("No module named 'numba'")

    monkeypatch.setattr(scoring, "compiled", missing)

    _, path = prove(small_model(Task.BINARY, XGBOOST), COLUMNS, holdout=[])

    assert path.reason == "No module named 'numba'"


def test_library_is_taken_where_nothing_was_proven():
    model = small_model(Task.BINARY, XGBOOST)

    assert predictor_of(model, COLUMNS, version="1", allowed=False).model is model
    assert isinstance(predictor_of(model, COLUMNS, version="1").model, CompiledModel)


def test_transform_runs_on_the_compiled_path_as_in_training(model: Model, flights: pd.DataFrame):
    columns = Contract.model_validate(CONTRACT).columns
    sent = [
        {
            "carrier": "UA",
            "distance": 1400,
            "dep_delay": None,
            "departure": time.to_pydatetime(),
            "flight_id": 1,
        }
        for time in flights["departure"].head(20)
    ]
    sent = [{name: record[name] for name in model.inputs} for record in sent]

    fast, path = prove(model, columns, holdout=sent)

    assert path.path == "compiled", path.reason
    assert fast is not None
    assert [fast.score_of_record(record) for record in sent] == (
        model.scores_of_records(sent).tolist()
    )


def test_transform_that_looks_at_other_rows_is_found(model: Model):
    def with_medians(frame: pd.DataFrame) -> pd.DataFrame:
        assert model.transform is not None
        features = model.transform(frame)
        numbers = features.select_dtypes("number")
        return features.assign(**numbers.fillna(numbers.median()))

    columns = Contract.model_validate(CONTRACT).columns
    fast, path = prove(replace(model, transform=with_medians), columns, holdout=[])

    assert fast is None
    assert "another score" in path.reason


def test_transform_that_takes_records_one_by_one_only_is_no_crash(model: Model):
    def one_by_one(frame: pd.DataFrame) -> pd.DataFrame:
        if len(frame) > 1:
            raise FeatureError("one at a time")
        assert model.transform is not None
        return model.transform(frame)

    columns = Contract.model_validate(CONTRACT).columns
    alone = replace(model, transform=one_by_one)

    assert predictor_of(alone, columns, version="1").model is alone
    assert "one at a time" in prove(alone, columns, holdout=[])[1].reason


def test_estimator_of_another_package_has_no_compiled_form():
    model = small_model(Task.BINARY, XGBOOST)
    foreign: Any = object()

    with pytest.raises(Unsupported, match="of another package"):
        compiled(replace(model, estimator=foreign))


def test_folder_of_the_models_is_of_no_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    predictor_of(small_model(Task.BINARY, XGBOOST), COLUMNS, version="1").score_one(USUAL)

    assert list(tmp_path.iterdir()) == []
