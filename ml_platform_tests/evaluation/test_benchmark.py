import pandas as pd
import pytest
from pydantic import ValidationError

from ml_platform.evaluation.benchmark import Benchmark
from ml_platform.exceptions import DataError

ROWS = pd.DataFrame({"wind": [5.0, 40.0, None, 60.0], "origin": ["JFK", "JFK", "LGA", "LGA"]})


@pytest.mark.parametrize(
    ("where", "places"),
    [("wind > 30", [1, 3]), ("not wind > 30", [0]), ("isnull(wind)", [2]), ("wind > 99", [])],
)
def test_rows_are_chosen_as_by_where_in_sql(where, places) -> None:
    assert Benchmark(name="storms", where=where).choose(ROWS, seed=1).tolist() == places


def test_more_rows_than_wanted_are_drawn_by_the_seed() -> None:
    many = pd.DataFrame({"x": range(1000)})
    benchmark = Benchmark(name="some", where="x >= 0", most=100)
    drawn = benchmark.choose(many, seed=3)
    assert len(set(drawn.tolist())) == 100
    assert drawn.tolist() == sorted(drawn) == benchmark.choose(many, seed=3).tolist()
    assert drawn.tolist() != benchmark.choose(many, seed=4).tolist()


def test_expression_that_does_not_fit_the_columns_is_told() -> None:
    with pytest.raises(DataError, match="benchmark storms: where: 'origin > 3' does not fit"):
        Benchmark(name="storms", where="origin > 3").choose(ROWS, seed=1)


def test_what_is_no_expression_is_refused() -> None:
    with pytest.raises(ValidationError, match="a rule has columns, numbers"):
        Benchmark(name="storms", where="__import__('os')")
