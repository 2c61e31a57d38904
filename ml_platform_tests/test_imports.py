"""A library comes without an optional part, and nobody else misses that part."""

import subprocess
import sys

import pytest

from ml_platform.imports import _Hidden, import_without


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


def test_wrappers_of_xgboost_are_there_for_who_asks_for_them_later() -> None:
    said = run("""
import sys
import numpy as np
from ml_platform.task import Task
from ml_platform.training.trainers.xgboost import XGBoost
rows = np.arange(40.0).reshape(-1, 1)
late = (rows[:, 0] > 20).astype(int)
model = XGBoost(rounds=2).fit(rows, late, task=Task.BINARY, classes=2)
import xgboost
print("sklearn" in sys.modules, hasattr(xgboost, "no_such_name"))
from xgboost import XGBClassifier
from xgboost.sklearn import XGBRegressor
from sklearn.base import is_classifier
print(is_classifier(XGBClassifier()))
print(XGBRegressor(n_estimators=2).fit(rows, late).score(rows, late) > 0)
print(len(xgboost.cv({}, xgboost.DMatrix(rows, late), 2, stratified=True)))
print(callable(xgboost.plot_importance), model.scores(rows)[-1] > 0.5)
""")
    assert said.split() == ["False", "False", "True", "True", "2", "True", "True"]


def test_what_is_loaded_already_is_not_hidden() -> None:
    said = run("""
import sklearn.base
from ml_platform.imports import import_without
xgboost = import_without("xgboost", "sklearn")
print(isinstance(xgboost.XGBClassifier(), sklearn.base.BaseEstimator))
""")
    assert said == "True"


def test_another_thread_finds_what_is_hidden_from_this_one() -> None:
    said = run("""
import sys
from importlib import import_module
from threading import Thread
from ml_platform.imports import _Hidden
from threading import get_ident
sys.meta_path.insert(0, _Hidden("wave", thread=get_ident()))
found = []
other = Thread(target=lambda: found.append(import_module("wave").__name__))
try:
    import wave
except ModuleNotFoundError as error:
    print(error.name)
other.start()
other.join()
print(*found)
import wave
print(wave.__name__)
""")
    assert said.split() == ["wave", "wave", "wave"]


def test_a_library_that_is_not_there_is_told_and_hides_nothing() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        import_without("no_such_library", "no_such_part")
    assert not any(isinstance(finder, _Hidden) for finder in sys.meta_path)
    assert "no_such_part" not in sys.modules
