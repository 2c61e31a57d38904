"""How a version was made, as it was kept with it when it was trained."""

from ml_platform.component.platform import Platform
from ml_platform.exceptions import ModelError
from ml_platform.spec.recipe import DECLARATION, Recipe


def recipe_of(platform: Platform, name: str, version: int) -> Recipe:
    """The recipe of a version, its contract among it, whatever is declared now.

    Raises ModelError when there is no such version, or its declaration is gone or damaged.
    """
    run_id = platform.registry.get(name, version).run_id
    text = platform.registry.read_artifact_text(run_id, DECLARATION)
    if text is None:
        raise ModelError(f"the MLflow run {run_id} of {name}:{version} has no {DECLARATION}")
    return Recipe.read(text)
