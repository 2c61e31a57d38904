"""How a version was made, as it was kept with it when it was trained."""

from ml_platform.component.platform import Platform
from ml_platform.exceptions import ModelError
from ml_platform.registry.sealed import sealed
from ml_platform.registry.version import ModelVersion
from ml_platform.spec.recipe import DECLARATION, Recipe


def recipe_of(platform: Platform, name: str, version: int) -> Recipe:
    """The recipe of a version, its contract among it, whatever is declared now.

    Raises ModelError when there is no such version, or its declaration is gone or was altered.
    """
    return recipe_of_run(platform, platform.registry.get(name, version))


def recipe_of_run(platform: Platform, version: ModelVersion) -> Recipe:
    """The same of a version that was read already."""
    text = sealed(platform.registry, version.run_id, DECLARATION)
    if text is None:
        run = f"the MLflow run {version.run_id} of {version.name}:{version.version}"
        raise ModelError(f"{run} has no {DECLARATION} as it was logged; train it anew with --force")
    return Recipe.read(text)
