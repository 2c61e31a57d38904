"""Figures of the business, by SQL and by function."""

from pathlib import Path

import pandas as pd
import pytest

from ml_platform.exceptions import DataError
from ml_platform.monitoring.kpi import measure_kpi
from ml_platform.spec.feedback import KpiSpec

LABELED = pd.DataFrame(
    {"prediction": [True, True, False], "defaulted": [True, False, False], "amount": [5, 7, 11]}
)


def by_sql(sql: str, labeled: pd.DataFrame = LABELED) -> float | None:
    return measure_kpi(KpiSpec(name="saved", sql=sql), labeled, folder=Path())


def by_function(folder: Path, code: str, name: str) -> float | None:
    (folder / f"{name}.py").write_text(code, encoding="utf-8")
    kpi = KpiSpec(name="saved", function=f"{name}:saved")
    return measure_kpi(kpi, LABELED, folder=folder)


def test_a_query_over_the_labeled_predictions_gives_the_figure() -> None:
    assert by_sql("SELECT sum(amount) FROM labeled WHERE prediction AND defaulted") == 5.0


def test_a_function_of_the_models_folder_gets_the_labeled_predictions(tmp_path: Path) -> None:
    code = "def saved(labeled):\n    return labeled['amount'].mean()\n"
    assert by_function(tmp_path, code, "kpi_mean") == pytest.approx(23 / 3)


def test_nothing_to_measure_on_is_no_figure(tmp_path: Path) -> None:
    assert by_sql("SELECT 1", LABELED.head(0)) is None
    assert by_sql("SELECT avg(amount) FROM labeled WHERE amount > 99") is None
    assert by_function(tmp_path, "def saved(labeled):\n    return None\n", "kpi_none") is None


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT amont FROM labeled", r"query of saved fails: .*columns: prediction, defaulted"),
        ("SELECT amount FROM labeled", "has to give one number"),
        ("SELECT 'much'", "gave 'much', not a number"),
        ("SELECT count(*) FROM read_csv('/etc/passwd')", "query of saved fails"),
    ],
)
def test_what_is_no_figure_says_why(sql: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        by_sql(sql)


def test_a_function_that_gives_no_number_says_what_it_gave(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the figure saved gave \[1\], not a number"):
        by_function(tmp_path, "def saved(labeled):\n    return [1]\n", "kpi_list")
