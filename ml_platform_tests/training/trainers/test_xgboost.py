import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from ml_platform.exceptions import ModelError, TrainingError
from ml_platform.task import Task
from ml_platform.testing.trainers import example_rows
from ml_platform.training.trainers.xgboost import FEW_ROWS, FILE, XGBoost, gpu_is_visible

FIT = """
import sys
from pathlib import Path
from ml_platform_tests.training.trainers.test_xgboost import write_model
write_model(Path(sys.argv[1]), threads=2)
"""


def write_model(folder: Path, *, threads: int) -> bytes:
    matrix, target = example_rows(Task.BINARY, rows=20_000, seed=3)
    params = {"subsample": 0.6, "max_depth": 6}
    trainer = XGBoost.model_validate(
        {"rounds": 12, "seed": 7, "threads": threads, "params": params}
    )
    trainer.fit(matrix, target, task=Task.BINARY, classes=2).save(folder)
    return (folder / FILE).read_bytes()


def test_another_process_with_other_threads_writes_the_same_bytes(tmp_path: Path):
    here = write_model(tmp_path / "here", threads=1)
    subprocess.run([sys.executable, "-c", FIT, str(tmp_path / "there")], check=True)
    assert (tmp_path / "there" / FILE).read_bytes() == here


def test_another_seed_gives_another_model():
    matrix, target = example_rows(Task.BINARY, rows=500, seed=0)
    scores = [
        XGBoost(rounds=5, seed=seed, params={"subsample": 0.5})
        .fit(matrix, target, task=Task.BINARY, classes=2)
        .scores(matrix)
        for seed in (1, 2)
    ]
    assert (scores[0] != scores[1]).any()


def test_many_rows_score_as_they_do_alone():
    matrix, target = example_rows(Task.MULTICLASS, rows=FEW_ROWS + 100, seed=0)
    estimator = XGBoost(rounds=4).fit(matrix, target, task=Task.MULTICLASS, classes=3)
    scores = estimator.scores(matrix)
    assert estimator.scores(matrix[5:6]).tobytes() == scores[5:6].tobytes()


def test_early_stopping_keeps_the_rounds_up_to_the_best():
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(400, 5))
    noise = rng.integers(0, 2, 400)
    trainer = XGBoost.model_validate({"rounds": 200, "early_stopping": {"rounds": 5}})
    estimator = trainer.fit(matrix, noise, task=Task.BINARY, classes=2)
    assert 1 <= estimator.booster.num_boosted_rounds() < 100
    assert len(estimator.losses) == estimator.booster.num_boosted_rounds()


def test_losses_are_those_of_each_round():
    matrix, target = example_rows(Task.REGRESSION, rows=200, seed=0)
    losses = XGBoost(rounds=6).fit(matrix, target, task=Task.REGRESSION, classes=0).losses
    assert len(losses) == 6
    assert losses == tuple(sorted(losses, reverse=True))


def test_the_largest_number_scores_like_any_other_large_one():
    matrix, target = example_rows(Task.BINARY, rows=200, seed=0)
    estimator = XGBoost(rounds=3).fit(matrix, target, task=Task.BINARY, classes=2)
    large, largest = matrix[:1].copy(), matrix[:1].copy()
    large[0, 0], largest[0, 0] = 1e6, float(np.finfo(np.float32).max)
    assert estimator.scores(large) == estimator.scores(largest)


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"max_dept": 3}, "did you mean 'max_depth'"),
        ({"n_estimators": 3}, "write it as `training.rounds`"),
        ({"seed": 3}, "write it as `training.seed`"),
        ({"num_class": 3}, "counted in the training rows"),
        ({"booster": "gblinear"}, "valid: gbtree, dart"),
    ],
)
def test_a_parameter_that_would_be_ignored_is_refused_at_load(params: dict[str, int], says: str):
    with pytest.raises(ValidationError, match=says):
        XGBoost.model_validate({"params": params})


def test_every_parameter_that_is_let_through_is_known_to_xgboost():
    matrix, target = example_rows(Task.REGRESSION, rows=60, seed=0)
    params = {
        "alpha": 0.1, "base_score": 0.5, "colsample_bylevel": 0.9, "colsample_bynode": 0.9,
        "colsample_bytree": 0.9, "eta": 0.1, "eval_metric": "mae", "gamma": 0.1,
        "grow_policy": "lossguide", "lambda": 2, "max_bin": 64, "max_cached_hist_node": 1000,
        "max_delta_step": 1, "max_depth": 3, "max_leaves": 7, "min_child_weight": 2,
        "num_parallel_tree": 2, "subsample": 0.9, "sampling_method": "uniform",
        "scale_pos_weight": 1.0, "tree_method": "hist", "booster": "dart", "rate_drop": 0.1,
        "one_drop": 1, "skip_drop": 0.1, "sample_type": "weighted", "normalize_type": "forest",
    }  # fmt: skip
    trainer = XGBoost.model_validate({"rounds": 2, "params": params})
    estimator = trainer.fit(matrix, target, task=Task.REGRESSION, classes=0)  # warnings are errors
    assert len(estimator.losses) == 2


def test_a_value_that_xgboost_refuses_is_a_training_error():
    matrix, target = example_rows(Task.BINARY, rows=60, seed=0)
    trainer = XGBoost.model_validate({"params": {"subsample": 7}})
    with pytest.raises(TrainingError, match="subsample"):
        trainer.fit(matrix, target, task=Task.BINARY, classes=2)


@pytest.mark.parametrize(
    ("task", "objective"),
    [
        (Task.BINARY, "reg:squarederror"),
        (Task.MULTICLASS, "multi:softmax"),
        (Task.REGRESSION, "binary:logistic"),
    ],
)
def test_an_objective_of_another_task_is_refused(task: Task, objective: str):
    trainer = XGBoost.model_validate({"params": {"objective": objective}})
    with pytest.raises(TrainingError, match="does not fit"):
        trainer.check(task=task)


def test_cuda_without_a_gpu_is_an_error_and_not_a_silent_cpu():
    if gpu_is_visible():
        pytest.skip("this machine has a GPU")
    matrix, target = example_rows(Task.BINARY, rows=60, seed=0)
    with pytest.raises(TrainingError, match="declare device: cpu"):
        XGBoost(device="cuda").fit(matrix, target, task=Task.BINARY, classes=2)


def test_cuda_trains_a_model_that_scores_on_the_cpu():
    if not gpu_is_visible():
        pytest.skip("this machine has no GPU")
    matrix, target = example_rows(Task.BINARY, rows=500, seed=0)
    estimator = XGBoost(device="cuda", rounds=20).fit(matrix, target, task=Task.BINARY, classes=2)
    assert estimator.losses[-1] < estimator.losses[0]
    assert '"device":"cpu"' in estimator.booster.save_config()


def test_a_missing_file_is_a_model_error(tmp_path: Path):
    with pytest.raises(ModelError, match="cannot be read"):
        XGBoost.load(tmp_path)
