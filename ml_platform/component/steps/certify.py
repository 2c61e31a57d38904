"""The release certificate of a version: written after its gates, verified before its release."""

import json
from datetime import datetime

from pydantic import ValidationError

from ml_platform.component.handles import TrainedModel
from ml_platform.component.platform import Platform
from ml_platform.component.steps.train import MODEL_HASH_TAG, read_records
from ml_platform.evaluation.report import Evaluation
from ml_platform.gates.result import GateRecord
from ml_platform.registry.certificate import Certificate, verify
from ml_platform.spec.load import Declaration

DIGEST_TAG = "certificate_sha256"
"""Tag of a registered version: the digest of its certificate."""


def issue_certificate(
    declaration: Declaration,
    platform: Platform,
    trained: TrainedModel,
    evaluation: Evaluation,
    records: tuple[GateRecord, ...],
    *,
    now: datetime,
) -> Certificate:
    """Certify a version with its evidence, whatever the verdicts.

    The same evidence keeps the certificate that is there. The document is stored before its
    digest: killed in between, the version is not certified.
    """
    name, registry = declaration.spec.name, platform.registry
    tags = registry.get(name, trained.version).tags
    certificate = Certificate(
        model=name,
        version=trained.version,
        records=(*read_records(platform, trained.run_id), *records),
        snapshot=trained.snapshot,
        contract_version=int(tags["contract_version"]),
        code_version=tags["code_version"],
        git_commit=tags["git_commit"] or None,
        environment=json.loads(tags["environment"]),
        metrics={key: metric.value for key, metric in evaluation.metrics.items()},
        issued_at=now,
        model_hash=tags[MODEL_HASH_TAG],
    )
    file = certificate_file(trained.version)
    stored = registry.read_artifact_text(trained.run_id, file)
    kept = _same_evidence(stored, certificate)
    if kept is not None and tags.get(DIGEST_TAG) == kept.digest:
        return kept
    registry.log_artifacts(trained.run_id, {file: certificate.text})
    registry.set_tags(name, trained.version, {DIGEST_TAG: certificate.digest})
    return certificate


def verified_certificate(declaration: Declaration, platform: Platform, version: int) -> Certificate:
    """The certificate of a version, if it holds for the declaration in force.

    Raises DeploymentRefused when it is missing, altered, of another version, lacks a gate that
    is declared now, or holds a verdict that blocks.
    """
    spec, registry = declaration.spec, platform.registry
    registered = registry.get(spec.name, version)
    return verify(
        registry.read_artifact_text(registered.run_id, certificate_file(version)),
        registered.tags.get(DIGEST_TAG),
        model=spec.name,
        version=version,
        required_checks=spec.required_checks,
    )


def certificate_file(version: int) -> str:
    """Artifact of the MLflow run that holds the certificate of a version."""
    return f"certificate-v{version}.json"


def _same_evidence(stored: str | None, certificate: Certificate) -> Certificate | None:
    try:
        earlier = None if stored is None else Certificate.model_validate_json(stored)
    except ValidationError:
        return None
    if earlier is None or earlier != certificate.model_copy(
        update={"issued_at": earlier.issued_at}
    ):
        return None
    return earlier
