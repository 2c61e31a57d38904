import numpy as np
import pandas as pd
import pytest

from ml_platform.drift.bins import binned, counted_by_window
from ml_platform.drift.drift_test import DRIFT_TESTS
from ml_platform.drift.usual import FAR_OUT, UNKNOWN, usual_window
from ml_platform.monitoring.columns import column_health

PSI = DRIFT_TESTS.parse({"type": "population_stability"})
DAYS, ROWS = 60, 300


def days_that_differ(rng, spread: float) -> tuple[pd.Series, np.ndarray]:
    """A column whose mean is another each day, and the day of each row."""
    windows = np.repeat(np.arange(DAYS), ROWS)
    values = rng.normal(rng.normal(0, spread, DAYS)[windows], 1)
    return pd.Series(values, name="delay"), windows


@pytest.mark.parametrize("test", [DRIFT_TESTS.parse({"type": n}) for n in DRIFT_TESTS.names()])
def test_a_day_like_the_others_is_usual_and_another_unit_is_not(test) -> None:
    rng = np.random.default_rng(1)
    values, windows = days_that_differ(rng, spread=0.3)
    usual = usual_window(test, values, values, windows=windows).distance
    alarms = [
        test.compare(values, pd.Series(rng.normal(rng.normal(0, 0.3), 1, ROWS), name="delay"))
        for _ in range(60)
    ]
    found = [each.given_usual(usual).verdict for each in alarms]
    before = [each.verdict for each in alarms]
    assert before.count("drifted") > 10 * found.count("drifted"), "a day is not a quarter"
    assert found.count("drifted") <= 1
    another = pd.Series(rng.normal(0, 1, ROWS) * 12 + 5, name="delay")
    assert test.compare(values, another).given_usual(usual).verdict == "drifted"


def test_it_is_the_outer_fence_of_what_each_day_moved_by() -> None:
    values, windows = days_that_differ(np.random.default_rng(2), spread=0.5)
    counts = [binned(values, values[windows == day], bins=10) for day in range(DAYS)]
    moved = [
        float(PSI.distance(c.reference / len(values), c.current / ROWS, c.spacing)) for c in counts
    ]
    lower, upper = np.sqrt(np.quantile(moved, [0.25, 0.75], method="nearest"))
    usual = usual_window(PSI, values, values, windows=windows).distance
    assert usual == pytest.approx((upper + FAR_OUT * (upper - lower)) ** 2, rel=0.1)


def test_a_few_days_of_a_fault_among_the_training_days_does_not_make_it_usual() -> None:
    values, windows = days_that_differ(np.random.default_rng(3), spread=0.3)
    usual = usual_window(PSI, values, values, windows=windows).distance
    faulty = values.where(windows >= 3, values * 1.609 + 3)
    with_fault = usual_window(PSI, faulty, faulty, windows=windows).distance
    assert with_fault < 3 * usual
    fault = values[windows < 3] * 1.609 + 3
    assert PSI.compare(faulty, fault).value > 3 * usual


def test_few_windows_or_few_rows_of_each_tell_nothing() -> None:
    values, windows = days_that_differ(np.random.default_rng(4), spread=0.3)
    nine = windows < 9
    of_nine = usual_window(PSI, values[nine], values[nine], windows=windows[nine])
    assert of_nine == UNKNOWN
    halves = windows * 2 + np.arange(len(windows)) % 2
    assert usual_window(PSI, values, values, windows=halves) == UNKNOWN, "150 rows of each"


def test_nulls_and_constant_days_are_usual_where_there_were_such_days() -> None:
    rng = np.random.default_rng(6)
    windows = np.repeat(np.arange(DAYS), ROWS)
    rain = pd.Series(np.where(windows % 3 == 0, rng.exponential(1, DAYS * ROWS), 0.0), name="rain")
    share = rng.uniform(0, 0.2, DAYS)[windows]
    some = pd.Series(rng.normal(0, 1, DAYS * ROWS), name="wind").mask(
        rng.random(len(windows)) < share
    )
    dry, gaps = (usual_window(PSI, c, c, windows=windows) for c in (rain, some))
    assert (dry.constant, dry.nulls) == (True, 0.0)
    assert gaps.constant is False
    assert 0.3 < gaps.nulls < 0.7
    days = [rain[windows == 1], some[windows == 1].mask(rng.random(ROWS) < 0.25)]
    health = [
        column_health(whole, day, test=PSI, columns=2, usual=usual)
        for whole, day, usual in zip((rain, some), days, (dry, gaps), strict=True)
    ]
    assert [each.constant for each in health] == [False, False]
    assert column_health(rain, days[0], test=PSI, columns=2).constant
    assert health[1].nulls < health[1].usual_nulls == gaps.nulls


def test_categories_nulls_and_constants_are_counted_by_window() -> None:
    values = pd.Series(["a", "a", "b", None, "c", "a"], name="purpose")
    windows = np.array([0, 0, 0, 1, 1, 1])
    counts, spacing = counted_by_window(values[:4], values, windows, bins=1)
    assert counts.tolist() == [[2, 1, 0, 1], [2, 1, 0, 0], [1, 0, 1, 1]]
    assert spacing is None
    constant = pd.Series([1.0, 1.0, np.nan, 1.0])
    counts, _ = counted_by_window(constant, constant, np.array([0, 0, 1, 1]), bins=5)
    assert counts.tolist() == [[3, 0, 1], [2, 0, 0], [1, 0, 1]]


def test_nothing_known_leaves_the_verdict_as_it_is() -> None:
    rng = np.random.default_rng(5)
    moved = PSI.compare(
        pd.Series(rng.normal(0, 1, 999), name="x"), pd.Series(rng.normal(2, 1, 999), name="x")
    )
    assert moved.given_usual(None).verdict == "drifted"
    assert "usual" not in moved.given_usual(None).text
    assert moved.given_usual(0.1).text.endswith("threshold 0.2, usual up to 0.1")
