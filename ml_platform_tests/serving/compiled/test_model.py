import json
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ml_platform.exceptions import FeatureError
from ml_platform.serving.compiled.model import compiled
from ml_platform.serving.compiled.scorer import Unsupported
from ml_platform.task import Task
from ml_platform_tests.serving.compiled.models import model, records, rows

FEW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def xgboost(task: Task, seed: int = 0, **declared: Any) -> tuple[Task, str, int]:
    return task, json.dumps({"type": "xgboost", "rounds": 9, **declared}), seed


def sklearn(task: Task, estimator: str, **declared: Any) -> tuple[Task, str, int]:
    text = {"type": "sklearn", "estimator": f"sklearn.{estimator}", "seed": 3, **declared}
    return task, json.dumps(text), 0


FOREST = {"n_estimators": 7}
BOOSTED = [
    xgboost(Task.BINARY),
    xgboost(Task.BINARY, 1, params={"max_depth": 14, "min_child_weight": 0}),
    xgboost(Task.BINARY, params={"base_score": 0.3, "num_parallel_tree": 2}),
    xgboost(Task.BINARY, params={"grow_policy": "lossguide", "max_leaves": 40, "max_depth": 0}),
    xgboost(Task.BINARY, params={"scale_pos_weight": 3.0, "gamma": 2.0}),
    xgboost(Task.MULTICLASS),
    xgboost(Task.MULTICLASS, early_stopping={"rounds": 2, "fraction": 0.3}),
    xgboost(Task.REGRESSION),
    xgboost(Task.REGRESSION, params={"base_score": -7.25}),
    *(
        xgboost(Task.REGRESSION, params={"objective": objective})
        for objective in (
            "reg:absoluteerror",
            "reg:pseudohubererror",
            "count:poisson",
            "reg:gamma",
            "reg:tweedie",
        )
    ),
]
LEARNT = [
    sklearn(Task.BINARY, "linear_model.LogisticRegression"),
    sklearn(Task.MULTICLASS, "linear_model.LogisticRegression", impute="zero"),
    sklearn(Task.REGRESSION, "linear_model.LinearRegression", scale=False),
    sklearn(Task.REGRESSION, "linear_model.Ridge", impute="mean"),
    sklearn(Task.BINARY, "ensemble.RandomForestClassifier", params=FOREST),
    sklearn(Task.BINARY, "ensemble.ExtraTreesClassifier", params=FOREST, impute="none"),
    sklearn(Task.MULTICLASS, "ensemble.RandomForestClassifier", params=FOREST, scale=False),
    sklearn(Task.REGRESSION, "ensemble.RandomForestRegressor", params=FOREST),
    sklearn(Task.BINARY, "ensemble.GradientBoostingClassifier", params=FOREST),
    sklearn(Task.MULTICLASS, "ensemble.GradientBoostingClassifier", params=FOREST),
    sklearn(Task.REGRESSION, "ensemble.GradientBoostingRegressor", params=FOREST),
    sklearn(Task.MULTICLASS, "tree.DecisionTreeClassifier", impute="none", scale=False),
]


def bits(scores: Any) -> NDArray[np.uint64]:
    return np.ascontiguousarray(scores, np.float64).view(np.uint64)


def scored_alone(fast: Any, sent: list[dict[str, Any]]) -> list[Any]:
    return [fast.score_of_record(record) for record in sent]


@pytest.mark.parametrize("made", BOOSTED, ids=lambda made: f"{made[0]}-{made[1][16:80]}")
@FEW
@given(data=st.data())
def test_boosted_trees_score_any_record_bit_for_bit(made: tuple[Task, str, int], data: Any):
    task, declared, seed = made
    reference = model(task, declared, seed=seed)
    fast = compiled(reference)
    sent = data.draw(records())

    expected = bits(reference.scores_of_records(sent))

    assert np.array_equal(expected, bits(fast.scores_of_records(sent)))
    assert np.array_equal(expected, bits(scored_alone(fast, sent)))


@pytest.mark.parametrize("made", LEARNT, ids=lambda made: f"{made[0]}-{made[1][39:80]}")
@FEW
@given(data=st.data())
def test_scikit_learn_scores_or_refuses_any_record_as_its_pipeline_does(
    made: tuple[Task, str, int], data: Any
):
    task, declared, seed = made
    reference = model(task, declared, seed=seed)
    fast = compiled(reference)

    for record in data.draw(records())[:4]:
        try:
            expected = bits(reference.scores_of_records([record]))
        except FeatureError:
            with pytest.raises(FeatureError):
                fast.score_of_record(record)
            continue
        assert np.array_equal(expected, bits(fast.scores_of_records([record])))
        assert np.array_equal(expected, bits([fast.score_of_record(record)]))


@pytest.mark.parametrize("made", [*BOOSTED[:2], BOOSTED[5], *LEARNT])
def test_batches_of_every_size_score_bit_for_bit(made: tuple[Task, str, int]):
    reference = model(made[0], made[1], seed=made[2])
    fast = compiled(reference)
    frame = rows(seed=5)
    sent = frame.astype(object).where(frame.notna(), None).to_dict("records")
    expected = bits(reference.scores(frame))

    for size in (1, 2, 31, 33, 65, 240):
        assert np.array_equal(expected[:size], bits(fast.scores_of_records(sent[:size])))


@pytest.mark.parametrize("made", [BOOSTED[0], BOOSTED[5], BOOSTED[7], LEARNT[0], LEARNT[5]])
def test_no_records_have_no_scores_in_the_same_shape(made: tuple[Task, str, int]):
    reference = model(made[0], made[1], seed=made[2])

    assert compiled(reference).scores_of_records([]).shape == (
        reference.scores_of_records([]).shape
    )


def test_numbers_at_a_threshold_go_where_the_library_sends_them():
    reference = model(*BOOSTED[0][:2])
    fast = compiled(reference)
    nodes: Any = fast.scorer.forest.nodes  # type: ignore[attr-defined]
    inner = nodes[np.isfinite(nodes["threshold"]) & (nodes["feature"] < 2)]
    at = [float(threshold) for threshold in inner["threshold"]]
    usual = {"distance": 700.0, "seats": 7.0, "carrier": "UA", "hour": 1}
    sent = [
        usual | {"delay": float(value)}
        for threshold in at
        for value in (threshold, np.nextafter(threshold, 1e9), np.nextafter(threshold, -1e9))
    ]

    assert len(sent) > 20
    assert np.array_equal(reference.scores_of_records(sent), fast.scores_of_records(sent))


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (xgboost(Task.BINARY, params={"booster": "dart"}), "dart is more than a sum of trees"),
        (xgboost(Task.REGRESSION, params={"objective": "reg:quantileerror", "quantile_alpha": 0.5}),
         "reg:quantileerror has no compiled form"),
        (sklearn(Task.BINARY, "naive_bayes.GaussianNB"), "GaussianNB has no compiled form"),
    ],
)  # fmt: skip
def test_what_has_no_compiled_form_is_named(made: tuple[Task, str, int], reason: str):
    with pytest.raises(Unsupported, match=reason):
        compiled(model(made[0], made[1], seed=made[2]))


def test_record_without_a_feature_is_refused_as_by_the_reference():
    fast = compiled(model(*BOOSTED[0][:2]))

    for score in (fast.score_of_record, lambda record: fast.scores_of_records([record])):
        with pytest.raises(FeatureError, match=r"record 0 lacks 'carrier', 'hour'"):
            score({"delay": 1.0, "distance": 1.0, "seats": 1.0})
