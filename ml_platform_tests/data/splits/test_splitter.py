import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_platform.data.splits.splitter import SPLITTERS, Splitter
from ml_platform.exceptions import SplitError
from ml_platform.testing.splitters import check_splitter

DECLARED = [
    {"type": "random"},
    {"type": "stratified"},
    {"type": "grouped", "group": "group"},
    {"type": "time_ordered"},
    {"type": "time_ordered", "gap": "3h"},
]


def rows(count: int, *, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    hours = rng.integers(0, 3 * count + 10, count)
    return pd.DataFrame(
        {
            "time": pd.Timestamp("2013-01-01") + pd.to_timedelta(hours, unit="h"),
            "y": rng.integers(0, 3, count),
            "group": rng.integers(0, max(3, count // 5), count),
        }
    )


def test_every_shipped_splitter_is_held_to_the_contract():
    assert set(SPLITTERS.names()) <= {str(declared["type"]) for declared in DECLARED}


@pytest.mark.parametrize("declared", DECLARED, ids=str)
def test_splitter_keeps_the_contract(declared: dict[str, object]):
    split = check_splitter(SPLITTERS.parse(declared), rows(500), target="y", event_time="time")
    assert 60 <= len(split.holdout) <= 140


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 60),
    seed=st.integers(0, 1000),
    holdout=st.floats(0.01, 0.99),
    declared=st.sampled_from(DECLARED),
)
def test_rows_are_on_one_side_or_the_split_is_refused(
    count: int, seed: int, holdout: float, declared: dict[str, object]
):
    splitter = SPLITTERS.parse({**declared, "holdout": holdout})
    frame = rows(count, seed=seed)
    try:
        splitter.split(frame, target="y", event_time="time")
    except SplitError:
        return
    check_splitter(splitter, frame, target="y", event_time="time")


@pytest.mark.parametrize("name", ["random", "stratified", "grouped"])
def test_seed_decides(name: str):
    def holdout(seed: int) -> list[int]:
        group = {"group": "group"} if name == "grouped" else {}
        splitter: Splitter = SPLITTERS.parse({"type": name, "seed": seed, **group})
        return splitter.split(rows(200), target="y", event_time=None).holdout.tolist()

    assert holdout(1) == holdout(1)
    assert holdout(1) != holdout(2)


@pytest.mark.parametrize("declared", DECLARED, ids=str)
def test_no_rows_cannot_be_split(declared: dict[str, object]):
    with pytest.raises(SplitError):
        SPLITTERS.parse(declared).split(rows(0), target="y", event_time="time")
