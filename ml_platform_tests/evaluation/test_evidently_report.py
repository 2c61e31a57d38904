import socket
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from ml_platform.evaluation.evidently_report import evidently_html
from ml_platform.exceptions import DataError
from ml_platform.task import Task

ROWS = 600


@pytest.fixture(autouse=True)
def no_network(monkeypatch) -> None:
    def refuse(*_args, **_kwargs):
        raise AssertionError("a report must not use the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def frame(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=ROWS)
    late = x + rng.normal(size=ROWS) > 0
    return pd.DataFrame(
        {
            "距离": x,
            "stops": pd.array(rng.integers(0, 9, ROWS), dtype="Int64"),
            "carrier": rng.choice(["UA", "AA", None], ROWS),
            "origin": rng.choice(["1", "2", "3"], ROWS),
            "guess": rng.choice(["1", "2", "3"], ROWS),
            "weekend": rng.random(ROWS) < 0.3,
            "at": pd.date_range("2024-01-01", periods=ROWS, freq="h"),
            "flight_id": [f"f{i}" for i in range(ROWS)],
            "nothing": np.full(ROWS, np.nan),
            "late": late,
            "told": x > 0,
            "delay": x * 2 + rng.normal(size=ROWS),
        }
    )


@pytest.mark.parametrize(
    ("task", "columns"),
    [
        (Task.BINARY, {"target": "late", "prediction": "told", "positive": True}),
        (Task.MULTICLASS, {"target": "origin", "prediction": "guess"}),
        (Task.REGRESSION, {"target": "delay", "prediction": "距离"}),
        (Task.BINARY, {}),
    ],
)
def test_report_of_each_task_is_one_page_that_tells_its_sample(task, columns) -> None:
    page = evidently_html(frame(0), frame(1), task=task, sample=200, **columns)
    assert page.lstrip().startswith("<!DOCTYPE html>")
    assert "Sample: 200 of 600 reference rows, 200 of 600 current rows." in page
    assert "Not compared: at, flight_id, nothing." in page
    assert 'src="http' not in page


def test_frame_without_rows_or_comparable_columns_is_a_clear_error() -> None:
    with pytest.raises(DataError, match="the current frame has none"):
        evidently_html(frame(0), frame(0).iloc[:0], task=Task.BINARY)
    only = frame(0)[["nothing", "at"]]
    with pytest.raises(DataError, match="no column to compare"):
        evidently_html(only, only, task=Task.BINARY)


def test_importing_the_adapter_imports_neither_evidently_nor_scikit_learn() -> None:
    code = (
        "import sys, ml_platform.evaluation.evidently_report, ml_platform.evaluation.evaluate\n"
        "from ml_platform.evaluation.metrics.metric import METRICS; METRICS.names()\n"
        "heavy = {'evidently', 'sklearn', 'matplotlib', 'scipy', 'mlflow', 'xgboost'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
