"""Prove, before a Bento is built, that its compiled path scores as the training library does."""

from collections.abc import Callable

import pandas as pd

from ml_platform.component.platform import Platform
from ml_platform.component.steps.certify import store_certificate
from ml_platform.component.steps.holdout import Judged
from ml_platform.data.contract import Contract
from ml_platform.exceptions import RecordRefused
from ml_platform.registry.certificate import Certificate
from ml_platform.serving.client_records import client_records
from ml_platform.serving.records import Record, RecordChecker
from ml_platform.serving.scoring import code_digest, prove

HOLDOUT_ROWS = 1_000
"""Rows of the holdout that both paths score."""


def with_scoring(
    platform: Platform, certificate: Certificate, contract: Contract, judged: Callable[[], Judged]
) -> Certificate:
    """Return the certificate with what was proven of the compiled path, and keep it.

    contract: that the version was trained under.

    Proven once for a version and the code that scores it; where the paths differ, or there is no
    compiled one, the certificate says why and the Bento scores by the training library.
    """
    if certificate.scoring is not None and certificate.scoring.code == code_digest():
        return certificate
    model = judged().model
    holdout = checked_records(judged().holdout, contract, list(model.inputs))
    _, scoring = prove(model, contract.columns, holdout=holdout)
    proven = certificate.model_copy(update={"scoring": scoring})
    store_certificate(platform, proven)
    return proven


def checked_records(holdout: pd.DataFrame, contract: Contract, inputs: list[str]) -> list[Record]:
    """Return rows of the holdout as the predictor gets them."""
    checker = RecordChecker(contract.columns, inputs)
    checked: list[Record] = []
    for record in client_records(holdout.head(HOLDOUT_ROWS), inputs):
        try:
            checked.append(checker.check(record))
        except RecordRefused:  # such as a text that is longer than a client may send
            continue
    return checked
