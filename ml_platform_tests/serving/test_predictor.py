import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ml_platform.data.contract import ColumnContract
from ml_platform.exceptions import FeatureError, PredictionFailed, RecordRefused
from ml_platform.serving.predictor import Predictor
from ml_platform.serving.records import RecordChecker
from ml_platform.task import Task

COLUMNS = {"x": ColumnContract(dtype="float64")}


@dataclass(frozen=True)
class Echo:
    """Scores a record by its own x."""

    task: Task = Task.BINARY
    classes: tuple[Any, ...] = ("on time", "late")
    fault: Exception | float | None = None
    threshold: float = 0.5

    def scores_of_records(self, records: Sequence[Mapping[str, Any]]) -> NDArray[np.float64]:
        if isinstance(self.fault, Exception):
            raise self.fault
        x = np.array([record["x"] if self.fault is None else self.fault for record in records])
        return np.stack([x, 1 - x, x * 0], axis=1) if self.task is Task.MULTICLASS else x


def predictor(model: Echo | None = None) -> Predictor:
    made = iter(f"made-{number}" for number in range(100))
    checker = RecordChecker(COLUMNS, ["x"])
    return Predictor(model or Echo(), checker, version="3", new_id=lambda: next(made))


def test_binary_answer_has_label_probability_id_and_version():
    assert predictor().predict({"x": 0.75}) == {
        "prediction": "late",
        "probability": 0.75,
        "prediction_id": "made-0",
        "model_version": "3",
    }


def test_one_record_and_several_are_answered_as_the_service_answers_them():
    model = predictor()
    assert model.answers([{"x": 0.75}])[0]["prediction_id"] == "made-0"
    assert [each["probability"] for each in model.answers([{"x": 0.75}, {"x": 0.25}])] == [
        0.75,
        0.25,
    ]
    assert model.answers([]) == []
    with pytest.raises(RecordRefused):
        model.answers([{"y": 1}])


def test_multiclass_answer_has_the_probability_of_each_class():
    model = Echo(Task.MULTICLASS, (1, 2, 3))

    answer = predictor(model).predict({"x": 0.25})

    assert answer["prediction"] == 2
    assert answer["probability"] == 0.75
    assert answer["probabilities"] == {"1": 0.25, "2": 0.75, "3": 0.0}


def test_regression_answer_has_no_probability():
    answer = predictor(Echo(Task.REGRESSION, ())).predict({"x": 12.5})

    assert answer["prediction"] == 12.5
    assert "probability" not in answer


def test_client_chooses_the_prediction_id():
    assert predictor().predict({"x": 0.1, "prediction_id": "AA-1"})["prediction_id"] == "AA-1"


def test_null_prediction_id_is_none_sent():
    assert predictor().predict({"x": 0.1, "prediction_id": None})["prediction_id"] == "made-0"


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (7, "wrong_type"),
        ("", "not_allowed"),
        ("a\nb", "not_allowed"),
        ("x" * 129, "too_long"),
    ],
)
def test_bad_prediction_id_is_refused(sent: object, reason: str):
    with pytest.raises(RecordRefused) as caught:
        predictor().predict({"x": 0.1, "prediction_id": sent})
    assert (caught.value.field, caught.value.reason) == ("prediction_id", reason)


def test_batch_keeps_the_order_and_the_ids():
    records = [{"x": 0.9, "prediction_id": "b"}, {"x": 0.1}, {"x": 0.8, "prediction_id": "a"}]

    answers = predictor().predict_batch(records)

    assert [answer["probability"] for answer in answers] == [0.9, 0.1, 0.8]
    assert [answer["prediction_id"] for answer in answers] == ["b", "made-0", "a"]


def test_one_id_for_two_records_of_a_batch_is_refused():
    records = [{"x": 0.9, "prediction_id": "a"}, {"x": 0.1, "prediction_id": "a"}]

    with pytest.raises(RecordRefused) as caught:
        predictor().predict_batch(records)
    assert (caught.value.index, caught.value.reason) == (1, "repeated")


def test_empty_batch_has_no_answers():
    assert predictor().predict_batch([]) == []


@pytest.mark.parametrize("fault", [float("nan"), float("inf"), FeatureError("no hour in it")])
def test_model_that_answers_no_number_fails_the_prediction(fault: Exception | float):
    with pytest.raises(PredictionFailed):
        predictor(Echo(fault=fault)).predict({"x": 0.1})


def test_one_record_scores_as_it_does_in_a_batch():
    binary, bands = predictor(), predictor(Echo(Task.MULTICLASS, ("a", "b", "c")))

    assert binary.score_one({"x": 0.25}) == 0.25
    assert bands.score_one({"x": 0.25}) == (0.25, 0.75, 0.0)
    assert bands.label_of((0.25, 0.75, 0.0)) == "b"


def test_label_follows_the_threshold_of_the_model():
    strict = predictor(Echo(threshold=0.9))

    assert [strict.label_of(score) for score in (0.89, 0.9)] == ["on time", "late"]


def test_first_of_classes_with_the_same_probability_is_the_label():
    assert predictor(Echo(Task.MULTICLASS, ("a", "b"))).label_of((0.5, 0.5)) == "a"


@pytest.mark.parametrize("task", list(Task))
def test_score_that_is_no_number_fails_a_record_alone(task: Task):
    with pytest.raises(PredictionFailed, match="finite"):
        predictor(Echo(task, (1, 2, 3), fault=float("nan"))).score_one({"x": 0.1})


def test_made_ids_are_unlike_each_other():
    made = Predictor(Echo(), RecordChecker(COLUMNS, ["x"]), version="3")

    found = {made.predict({"x": 0.1})["prediction_id"] for _ in range(100)}

    assert len(found) == 100
    assert {len(one) for one in found} == {32}


def test_predictor_needs_neither_pandas_nor_bentoml():
    code = (
        "import sys, ml_platform.serving.replies\n"
        "print({'pandas', 'bentoml', 'starlette'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
