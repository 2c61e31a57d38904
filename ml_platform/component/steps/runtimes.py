"""Candidate and champion as they serve, for the gates that measure what a version costs."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from ml_platform.component.platform import Platform
from ml_platform.data.contract import Contract
from ml_platform.exceptions import MLPlatformError
from ml_platform.gates.evidence import Runtime, Runtimes
from ml_platform.serving.client_records import client_records
from ml_platform.serving.scoring import predictor_of
from ml_platform.spec.load import Declaration
from ml_platform.spec.recipe import DECLARATION, Recipe
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
    contract = declaration.spec.data.contract
    candidate = _runtime(declaration, platform, version, contract, folder)
    columns = [name for name in contract.columns if name in holdout.columns]
    records = client_records(holdout.head(RECORDS), columns)
    champion = rival_of(declaration, platform, version)
    if champion is None:
        return Runtimes(candidate=candidate, records=records)
    try:
        # The champion answers as its Bento does: by the contract that it was trained under.
        theirs = _contract_of(declaration, platform, champion) or contract
        other = _runtime(declaration, platform, champion, theirs, folder)
        other.predict(records[:1])
    except MLPlatformError as error:
        return Runtimes(candidate=candidate, records=records, problem=str(error))
    return Runtimes(candidate=candidate, records=records, champion=other)


def _runtime(
    declaration: Declaration, platform: Platform, version: int, contract: Contract, folder: Path
) -> Runtime:
    to = folder / str(version)
    to.mkdir()
    saved = platform.registry.download(declaration.spec.name, version, to)
    model = Model.load(saved)
    predictor = predictor_of(model, contract.columns, version=str(version))
    return Runtime(version=version, folder=saved, predict=predictor.predict_batch)


def _contract_of(declaration: Declaration, platform: Platform, version: int) -> Contract | None:
    run_id = platform.registry.get(declaration.spec.name, version).run_id
    text = platform.registry.read_artifact_text(run_id, DECLARATION)
    return None if text is None else Recipe.read(text).contract
