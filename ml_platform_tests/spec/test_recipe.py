import json
from pathlib import Path

import pytest

from ml_platform.exceptions import ModelError
from ml_platform.spec.load import find_declarations, load_declaration
from ml_platform.spec.recipe import Recipe, declaration_json
from ml_platform.spec.roots import SHIPPED

FILES = find_declarations([SHIPPED, Path(__file__).parents[1] / "models"])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_recipe_read_back_is_the_declaration(file) -> None:
    spec = load_declaration(file).spec
    recipe = Recipe.read(declaration_json(spec))
    assert (recipe.name, recipe.task, recipe.features) == (spec.name, spec.task, spec.features)
    assert (recipe.split, recipe.training) == (spec.split, spec.training)
    assert recipe.contract == spec.data.contract
    assert (recipe.target, recipe.positive) == (spec.data.target, spec.data.positive)
    assert (recipe.event_time, recipe.id) == (spec.data.event_time, spec.data.id)


def test_source_is_not_kept_for_its_address_may_hold_a_password() -> None:
    document = json.loads(declaration_json(load_declaration(FILES[0]).spec))
    assert "source" not in document["data"]
    assert {"name", "gates", "evaluation", "retraining"} <= document.keys()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": "x", "data": {}}'])
def test_damaged_document_is_told(text) -> None:
    with pytest.raises(ModelError, match=r"declaration.json cannot be read"):
        Recipe.read(text)
