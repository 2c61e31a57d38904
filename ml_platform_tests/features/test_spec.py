from typing import Any

import pytest
from pydantic import ValidationError

from ml_platform.features.spec import FeatureSpec


def test_columns_are_numeric_first():
    spec = FeatureSpec(numeric=("b",), categorical=("a",))
    assert spec.columns == ("b", "a")


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ({}, "name at least one column"),
        ({"numeric": ["a", "a"]}, "named more than once: a"),
        ({"numeric": ["a"], "categorical": ["a"]}, "named more than once: a"),
        ({"numeric": [""]}, "at least 1 character"),
        ({"numeric": ["a"], "transform": "features"}, "pattern"),
        ({"numeric": ["a"], "transform": "../evil:build"}, "pattern"),
        ({"numeric": ["a"], "transform": "own.features:build"}, "beside the declaration travels"),
        ({"numeric": ["a"], "max_categories": 0}, "greater than or equal to 1"),
        ({"numerical": ["a"]}, "Extra inputs"),
    ],
)
def test_a_wrong_declaration_is_refused(declared: dict[str, Any], says: str):
    with pytest.raises(ValidationError, match=says):
        FeatureSpec.model_validate(declared)
