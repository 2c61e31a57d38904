"""Candidate and champion as they serve, for the gates that measure what a version costs."""

import pandas as pd

from ml_platform.component.steps.kept_version import KeptVersion
from ml_platform.exceptions import MLPlatformError
from ml_platform.gates.evidence import Runtime, Runtimes
from ml_platform.serving.client_records import client_records
from ml_platform.serving.scoring import predictor_of
from ml_platform.spec.load import Declaration

RECORDS = 256


def runtimes(
    declaration: Declaration,
    version: KeptVersion,
    holdout: pd.DataFrame,
    *,
    champion: KeptVersion | None,
) -> Runtimes:
    """A version beside the champion; None before the first release."""
    candidate = _runtime(version)
    columns = [each for each in declaration.spec.data.contract.columns if each in holdout.columns]
    records = client_records(holdout.head(RECORDS), columns)
    if champion is None:
        return Runtimes(candidate=candidate, records=records)
    try:
        other = _runtime(champion)
        other.predict(records[:1])
    except MLPlatformError as error:
        return Runtimes(candidate=candidate, records=records, problem=str(error))
    return Runtimes(candidate=candidate, records=records, champion=other)


def _runtime(version: KeptVersion) -> Runtime:
    """The version as its Bento answers: by the contract that it was trained under."""
    columns, number = version.recipe.contract.columns, version.number
    predictor = predictor_of(version.model, columns, version=str(number))
    return Runtime(version=number, folder=version.folder, predict=predictor.answers)
