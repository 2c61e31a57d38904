"""A library comes without an optional part, and nobody else misses that part."""

import subprocess
import sys

import pytest

from ml_platform.imports import import_without


def run(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_xgboost_trains_and_scores_without_scikit_learn() -> None:
    said = run("""
import sys
import numpy as np
from ml_platform.task import Task
from ml_platform.training.trainers.xgboost import XGBoost
rows = np.arange(40.0).reshape(-1, 1)
model = XGBoost(rounds=2).fit(rows, (rows[:, 0] > 20).astype(int), task=Task.BINARY, classes=2)
scores = model.scores(rows)
print(scores[0] < scores[-1], "sklearn" in sys.modules)
from sklearn.linear_model import LogisticRegression
print(LogisticRegression().fit(rows, rows[:, 0] > 20).score(rows, rows[:, 0] > 20) > 0.9)
""")
    assert said.split() == ["True", "False", "True"]


def test_what_is_loaded_already_is_not_hidden() -> None:
    said = run("""
import sklearn.base
from ml_platform.imports import import_without
xgboost = import_without("xgboost", "sklearn")
print(isinstance(xgboost.XGBClassifier(), sklearn.base.BaseEstimator))
""")
    assert said == "True"


def test_a_library_that_is_not_there_is_told_and_hides_nothing() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        import_without("no_such_library", "no_such_part")
    assert "no_such_part" not in sys.modules
