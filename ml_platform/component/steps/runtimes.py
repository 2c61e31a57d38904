"""Candidate and champion as they serve, for the gates that measure what a version costs."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from ml_platform.component.platform import Platform
from ml_platform.component.steps.kept_recipe import recipe_of
from ml_platform.exceptions import MLPlatformError
from ml_platform.gates.evidence import Runtime, Runtimes
from ml_platform.serving.client_records import client_records
from ml_platform.serving.scoring import predictor_of
from ml_platform.spec.load import Declaration
from ml_platform.training.model import Model

RECORDS = 256


@contextmanager
def runtimes(
    declaration: Declaration,
    platform: Platform,
    version: int,
    holdout: Callable[[], pd.DataFrame],
) -> Generator[Callable[[], Runtimes]]:
    """Give what loads both versions, once, when a gate calls it; their files go with the block."""
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        yield cache(lambda: _load(declaration, platform, version, holdout(), folder))


def rival_of(declaration: Declaration, platform: Platform, version: int) -> int | None:
    """The version to compare with: the one in production; None before the first release.

    A version that is in production itself is compared with the one before it, as when it was
    judged first, so that judging it again says the same.
    """
    state = platform.releases.state(declaration.spec.name)
    return state.previous if state.champion == version else state.champion


def _load(
    declaration: Declaration, platform: Platform, version: int, holdout: pd.DataFrame, folder: Path
) -> Runtimes:
    name = declaration.spec.name
    candidate = _runtime(platform, name, version, folder)
    columns = [each for each in declaration.spec.data.contract.columns if each in holdout.columns]
    records = client_records(holdout.head(RECORDS), columns)
    champion = rival_of(declaration, platform, version)
    if champion is None:
        return Runtimes(candidate=candidate, records=records)
    try:
        other = _runtime(platform, name, champion, folder)
        other.predict(records[:1])
    except MLPlatformError as error:
        return Runtimes(candidate=candidate, records=records, problem=str(error))
    return Runtimes(candidate=candidate, records=records, champion=other)


def _runtime(platform: Platform, name: str, version: int, folder: Path) -> Runtime:
    """The version as its Bento answers: by the contract that it was trained under."""
    to = folder / str(version)
    to.mkdir()
    saved = platform.registry.download(name, version, to)
    model, contract = Model.load(saved), recipe_of(platform, name, version).contract
    predictor = predictor_of(model, contract.columns, version=str(version))
    return Runtime(version=version, folder=saved, predict=predictor.predict_batch)
