import numpy as np
import pandas as pd
import pytest
from scipy.stats import mannwhitneyu, norm

from ml_platform.gates.learned import beyond_chance, direction, most_possible, planted
from ml_platform.task import Task


def test_two_classes_are_told_as_by_mann_and_whitney() -> None:
    rng = np.random.default_rng(0)
    target = np.arange(80) % 4 == 0
    scores = rng.normal(size=80) + target
    told = mannwhitneyu(
        scores[target], scores[~target], use_continuity=False, alternative="greater"
    )
    assert norm.sf(beyond_chance(target, scores, Task.BINARY)) == pytest.approx(told.pvalue)


def test_by_chance_it_is_0_on_average_and_spreads_by_1() -> None:
    rng = np.random.default_rng(0)
    targets = {
        Task.BINARY: (np.arange(60) % 5 == 0).astype(int),
        Task.MULTICLASS: np.array([0] * 30 + [1] * 20 + [2] * 10),
        Task.REGRESSION: np.round(rng.normal(size=60), 1),
    }
    for task, target in targets.items():
        scores = rng.normal(size=(60, 3) if task is Task.MULTICLASS else 60)
        found = [beyond_chance(rng.permutation(target), scores, task) for _ in range(800)]
        assert np.mean(found) == pytest.approx(0, abs=0.15)
        assert np.std(found) == pytest.approx(1, abs=0.12)


def test_only_the_order_of_scores_counts_and_without_any_it_is_0() -> None:
    target = np.arange(20) % 2
    scores = np.linspace(0.1, 0.9, 20)
    told = beyond_chance(target, scores, Task.BINARY)
    assert beyond_chance(target, scores**9 / 5, Task.BINARY) == pytest.approx(told)
    assert beyond_chance(target, np.full(20, 0.3), Task.BINARY) == 0
    assert beyond_chance(np.ones(20), scores, Task.BINARY) == 0


@pytest.mark.parametrize(
    "features",
    [
        {"x": [1.0, 2.0, np.nan, 4.0], "text": ["b", "a", "d", "c"]},
        {"x": pd.array([1, 2, None, 4], dtype="Int64"), "constant": [1, 1, 1, 1]},
        {"x": pd.array([False, False, None, True], dtype="boolean")},
        {"x": [False, False, True, True]},
        {"constant": [0, 0, 0, 0], "text": ["b", "b", "a", None]},
        {"text": pd.Categorical(["b", "b", "a", None])},
    ],
)
def test_a_direction_varies_with_features_of_any_kind(features) -> None:
    seen = {tuple(direction(pd.DataFrame(features), seed=seed)) for seed in range(8)}
    assert len(seen) >= 2
    assert all(np.isfinite(along).all() and np.ptp(along) > 0 for along in seen)


def test_a_direction_is_0_where_no_feature_varies() -> None:
    frame = pd.DataFrame({"x": [1.0, 1.0], "text": ["a", "a"], "null": [None, None]})
    assert direction(frame, seed=0).tolist() == [0, 0]


@pytest.mark.parametrize("task", [Task.BINARY, Task.MULTICLASS])
def test_planted_targets_are_the_same_ones_and_can_be_followed(task: Task) -> None:
    codes = np.arange(90) % (2 if task is Task.BINARY else 3)
    target = pd.Series(pd.Categorical(np.array(list("xyz"))[codes]), index=[7] * 90)
    along = np.random.default_rng(0).normal(size=90)
    dealt = planted(target, codes, along)
    assert dealt.dtype == target.dtype
    assert dealt.index.equals(target.index)
    assert dealt.value_counts().equals(target.value_counts())
    ascending = dealt.array[np.argsort(along)]
    assert list(ascending) == sorted(target)
    taught = np.unique(np.asarray(dealt), return_inverse=True)[1]
    assert most_possible(taught, along, task) > 8
    assert most_possible(taught, np.arange(90) < 1, task) < 3
    assert most_possible(taught, np.zeros(90), task) == 0
