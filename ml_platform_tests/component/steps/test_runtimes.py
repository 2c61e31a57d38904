"""The gates that time a version call what its service calls."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from ml_platform.component.steps import runtimes
from ml_platform.gates.timing import time_interleaved
from ml_platform.serving.predictor import Predictor
from ml_platform.serving.records import RecordChecker
from ml_platform.spec.load import Declaration
from ml_platform.task import Task


class TwoPaths:
    """A model that scores one record by other code than several; remembers which was asked."""

    task = Task.BINARY
    classes = (False, True)
    threshold = 0.5

    def __init__(self) -> None:
        self.alone = 0
        self.together: set[int] = set()

    def score_of_record(self, record: Mapping[str, Any]) -> float:
        self.alone += 1
        return 0.25

    def scores_of_records(self, records: Sequence[Mapping[str, Any]]) -> NDArray[np.float64]:
        self.together.add(len(records))
        return np.full(len(records), 0.25)


@pytest.fixture
def model(declaration: Declaration, monkeypatch: pytest.MonkeyPatch) -> TwoPaths:
    model = TwoPaths()
    checker = RecordChecker(declaration.spec.data.contract.columns, ["income"])
    predictor = Predictor(model, checker, version="1")
    monkeypatch.setattr(runtimes, "predictor_of", lambda *_, **__: predictor)
    return model


def test_one_record_is_timed_by_what_answers_one_record(
    declaration: Declaration, model: TwoPaths
) -> None:
    recipe = SimpleNamespace(contract=declaration.spec.data.contract)
    kept: Any = SimpleNamespace(recipe=recipe, number=1, model=model, folder=Path())
    found = runtimes.runtimes(
        declaration, kept, pd.DataFrame({"income": [10.0, 20.0, 30.0]}), champion=None
    )
    predict, records = found.candidate.predict, found.records
    [timing] = time_interleaved(predict, None, records, batches=(1,), seconds=0.001)
    assert model.alone >= timing.calls > 0
    assert model.together == set()
    alone = model.alone
    time_interleaved(predict, None, records, batches=(2, 16), seconds=0.001)
    assert (model.alone, model.together) == (alone, {2, 16})
