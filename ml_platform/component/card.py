"""Gather what the stores know of a version for its model card."""

import json
from datetime import datetime
from typing import Any

from ml_platform.component.platform import Platform
from ml_platform.component.steps.certify import intact_certificate
from ml_platform.component.steps.service_verdicts import service_verdicts
from ml_platform.data.page import Page
from ml_platform.evaluation.report import Evaluation
from ml_platform.exceptions import ModelError
from ml_platform.registry.card import CardEvidence, model_card
from ml_platform.registry.sealed import sealed
from ml_platform.spec.recipe import DECLARATION

EVALUATION = "evaluation/evaluation.json"
"""Artifact of the MLflow run: the evaluation, with the fingerprint of what was asked for."""


def card_of(platform: Platform, model: str, version: int | None = None, *, now: datetime) -> Page:
    """The card of a version: by default of the champion, else of the latest.

    It rests on the stores alone, so a model whose declaration has changed or is gone has one too.
    Raises ModelError when there is no such version.
    """
    registry = platform.registry
    number = version or platform.releases.state(model).champion or _latest(platform, model)
    registered = registry.get(model, number)
    evidence = CardEvidence(
        version=registered,
        declaration=_document(platform, registered.run_id, DECLARATION),
        certificate=intact_certificate(platform, model, number),
        evaluation=_evaluation(platform, registered.run_id),
        aliases=tuple(
            alias for alias, meant in sorted(registry.aliases(model).items()) if meant == number
        ),
        run_url=registry.run_url(registered.run_id),
        service=service_verdicts(platform, model, number),
    )
    return model_card(evidence, now=now)


def _latest(platform: Platform, model: str) -> int:
    versions = platform.registry.versions(model)
    if not versions:
        raise ModelError(f"{model} has no version yet; train it first")
    return versions[0].version


def _evaluation(platform: Platform, run_id: str) -> Evaluation | None:
    document = _document(platform, run_id, EVALUATION)
    return None if document is None else Evaluation.model_validate(document["evaluation"])


def _document(platform: Platform, run_id: str, path: str) -> dict[str, Any] | None:
    text = sealed(platform.registry, run_id, path)
    return None if text is None else json.loads(text)
