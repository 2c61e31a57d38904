"""A version as it was kept, read once for all that look at it."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory

from ml_platform.component.platform import Platform
from ml_platform.component.steps.kept_recipe import recipe_of_run
from ml_platform.registry.version import ModelVersion
from ml_platform.spec.recipe import Recipe
from ml_platform.training.model import Model


@dataclass(frozen=True)
class KeptVersion:
    """A registered version; what it is asked for is read when first asked for, and then kept.

    below: a folder that its files are put under.

    Each raises ModelError where that was lost or damaged, and StoreError.
    """

    platform: Platform
    name: str
    number: int
    below: Path

    @cached_property
    def registered(self) -> ModelVersion:
        """Its run and tags."""
        return self.platform.registry.get(self.name, self.number)

    @cached_property
    def folder(self) -> Path:
        """The saved model."""
        below = self.below / str(self.number)
        return self.platform.registry.download(self.name, self.number, below)

    @cached_property
    def model(self) -> Model:
        """The model."""
        return Model.load(self.folder)

    @cached_property
    def recipe(self) -> Recipe:
        """How it was made."""
        return recipe_of_run(self.platform, self.registered)


@contextmanager
def kept_versions(platform: Platform, name: str) -> Generator[Callable[[int], KeptVersion]]:
    """What gives the versions of a model by number; their files go with the block."""
    with TemporaryDirectory() as below:
        yield partial(KeptVersion, platform, name, below=Path(below))
