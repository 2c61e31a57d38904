from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_platform.exceptions import DeclarationError, FeatureError, TrainingError
from ml_platform.features.spec import FeatureSpec
from ml_platform.task import Task
from ml_platform.training.fit import train
from ml_platform.training.model import Model
from ml_platform.training.trainers.trainer import TRAINERS

TREES = {"type": "xgboost", "rounds": 10, "seed": 7, "params": {"subsample": 0.7}}
FOREST = {
    "type": "sklearn",
    "estimator": "sklearn.ensemble.ExtraTreesClassifier",
    "params": {"n_estimators": 10},
    "seed": 7,
}
FEATURES = FeatureSpec(numeric=("distance", "class"), categorical=("carrier", "机场"))


def flights(rows: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "distance": rng.integers(17, 5000, rows),
            "class": np.where(rng.random(rows) < 0.1, np.nan, rng.normal(size=rows)),
            "carrier": rng.choice(["UA", "AA", "1"], rows),
            "机场": rng.choice(["北京", "上海"], rows),
        }
    )
    signal = frame["distance"] / 2500 + (frame["carrier"] == "UA") + rng.normal(0, 0.2, rows)
    return frame.assign(
        late=np.where(signal > 1.3, "yes", "no"), minutes=signal, band=signal.round()
    )


def fit(frame: pd.DataFrame, **more: Any) -> Model:
    declared: dict[str, Any] = {
        "target": "late", "task": Task.BINARY, "features": FEATURES, "folder": Path(),
        "trainer": TRAINERS.parse(TREES),
    }  # fmt: skip
    return train(frame, **(declared | more))


@pytest.mark.parametrize("trainer", [TREES, FOREST], ids=["xgboost", "sklearn"])
def test_the_same_rows_and_declaration_give_the_same_model_bit_for_bit(trainer: dict[str, Any]):
    frame = flights()
    models = [fit(frame.copy(), trainer=TRAINERS.parse(trainer)) for _ in range(2)]
    assert models[0].encoder == models[1].encoder
    assert models[0].scores(frame).tobytes() == models[1].scores(frame).tobytes()


@pytest.mark.parametrize(
    ("task", "target", "shape"),
    [
        (Task.BINARY, "late", (300,)),
        (Task.MULTICLASS, "band", (300, 4)),
        (Task.REGRESSION, "minutes", (300,)),
    ],
)
def test_records_score_bit_for_bit_as_their_frame(task: Task, target: str, shape: tuple[int, ...]):
    frame = flights()
    model = fit(frame, task=task, target=target)
    scores = model.scores(frame)
    assert scores.shape == shape
    records: list[dict[str, Any]] = frame.to_dict("records")
    assert model.scores_of_records(records).tobytes() == scores.tobytes()
    for row in (0, 17):
        assert model.scores_of_records([records[row]]).tobytes() == scores[[row]].tobytes()


def test_labels_are_of_the_classes_and_plain():
    frame = flights()
    model = fit(frame)
    scores = np.array([0.49, 0.5, 0.51])
    assert model.labels_of(scores) == ["no", "yes", "yes"]
    assert (model.predict(frame) == frame["late"]).mean() > 0.9
    bands = fit(frame, task=Task.MULTICLASS, target="band")
    assert {type(label) for label in bands.labels_of(bands.scores(frame))} == {int}
    minutes = fit(frame, task=Task.REGRESSION, target="minutes")
    assert {type(value) for value in minutes.labels_of(minutes.scores(frame))} == {float}


def test_scores_are_of_the_declared_positive_class():
    frame = flights()
    late, punctual = fit(frame), fit(frame, positive="no")
    assert punctual.classes == ("yes", "no")
    assert np.corrcoef(late.scores(frame), punctual.scores(frame))[0, 1] < -0.9


def test_a_holdout_is_encoded_by_the_classes_of_training():
    model = fit(flights())
    assert model.encode_target(pd.Series(["yes", "no"])).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("frame", "more", "error", "says"),
    [
        (flights(), {"target": "delayed"}, TrainingError, "'delayed' is not a column.*distance"),
        (flights().drop(columns="carrier"), {}, FeatureError, "'carrier' is not a column"),
        (flights().assign(late="no"), {}, TrainingError, "one class only: 'no'"),
        (flights().assign(late=None), {}, TrainingError, "null in 300 of 300 rows"),
        (flights().head(0), {}, TrainingError, "no rows"),
        (flights().assign(distance=np.nan), {}, FeatureError, "null in all 300 .*'distance'"),
        (flights().assign(carrier=None), {}, FeatureError, "null in all 300 .*'carrier'"),
        (flights().assign(distance="far"), {}, FeatureError, "'distance' holds str 'far'"),
        (flights(), {"target": "distance"}, FeatureError, "is among the features"),
        (flights(), {"features": FeatureSpec(numeric=("x",), transform="nowhere:build")},
         DeclarationError, "nowhere.py is not there"),
    ],
)  # fmt: skip
def test_rows_that_cannot_be_learned_from_are_refused(
    frame: pd.DataFrame, more: dict[str, Any], error: type[Exception], says: str
):
    with pytest.raises(error, match=says):
        fit(frame, **more)


def test_a_small_sample_may_have_a_feature_without_values():
    frame = flights().assign(distance=np.nan, carrier=None)
    model = fit(frame, allow_empty=True)
    assert np.isfinite(model.scores(flights())).all()


def test_ten_thousand_categories_train():
    frame = pd.concat([flights()] * 40, ignore_index=True)
    frame["carrier"] = [f"k{row % 10_000}" for row in range(len(frame))]
    model = fit(frame, trainer=TRAINERS.parse({"type": "xgboost", "rounds": 2}))
    assert model.encoder.width == 2 + 101 + 2


def test_a_transform_runs_in_training_and_for_records_alike(tmp_path: Path):
    (tmp_path / "features.py").write_text(
        "def build(frame):\n"
        "    return frame.assign(far=frame['distance'] > 2000, log=frame['distance'] ** 0.5)\n"
    )
    spec = FeatureSpec(numeric=("log", "far"), categorical=("carrier",), transform="features:build")
    frame = flights().drop(columns=["minutes", "band"])
    model = fit(frame, features=spec, folder=tmp_path)
    assert list(model.inputs) == ["distance", "class", "carrier", "机场"]
    records: list[dict[str, Any]] = frame.drop(columns="late").to_dict("records")
    assert model.scores_of_records(records).tobytes() == model.scores(frame).tobytes()
