"""The release certificate of a version: written after its gates, verified before its release."""

import json
from collections.abc import Mapping
from datetime import datetime

from pydantic import ValidationError

from ml_platform.component.handles import TrainedModel
from ml_platform.component.platform import Platform
from ml_platform.component.steps.comparison import comparison_with
from ml_platform.component.steps.records import RECORDS, read_records
from ml_platform.component.steps.train import MODEL_HASH_TAG
from ml_platform.data.snapshots import Snapshot
from ml_platform.evaluation.report import Evaluation
from ml_platform.exceptions import DeploymentRefused, StoreError
from ml_platform.gates.result import GateRecord
from ml_platform.registry.certificate import Certificate, digest_of, verify
from ml_platform.registry.comparison import Comparison
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
    benchmarks: Mapping[str, Snapshot],
    compared_with: Comparison | None,
    now: datetime,
) -> Certificate:
    """Certify a version with its evidence, whatever the verdicts.

    The same evidence keeps the certificate that is there. New evidence keeps its waivers to be
    read: they cover the verdicts that they were given for, and no others. Raises StoreError when
    the verdicts of its training are gone, or were altered.
    """
    name, registry = declaration.spec.name, platform.registry
    tags = registry.get(name, trained.version).tags
    of_training = read_records(platform, trained.run_id)
    if of_training is None:
        problem = f"the MLflow run {trained.run_id} has no {RECORDS} as it was logged"
        raise StoreError(f"{name}:{trained.version}: {problem}; run: ml-platform train {name}")
    certificate = Certificate(
        model=name,
        version=trained.version,
        records=(*of_training, *records),
        snapshot=trained.snapshot,
        contract_version=int(tags["contract_version"]),
        code_version=tags["code_version"],
        git_commit=tags["git_commit"] or None,
        environment=json.loads(tags["environment"]),
        metrics={key: metric.value for key, metric in evaluation.metrics.items()},
        issued_at=now,
        model_hash=tags[MODEL_HASH_TAG],
        benchmarks=dict(benchmarks),
        compared_with=compared_with,
    )
    known = intact_certificate(platform, name, trained.version)
    if known is not None:
        kept = {"waivers": known.waivers}
        if known.model_hash == certificate.model_hash:
            kept |= {"scoring": known.scoring}
        certificate = certificate.model_copy(update=kept)
        if known == certificate.model_copy(update={"issued_at": known.issued_at}):
            return known
    store_certificate(platform, certificate)
    return certificate


def certificate_of(platform: Platform, model: str, version: int) -> Certificate:
    """The certificate of a version as it was issued, whatever it says.

    Raises DeploymentRefused when there is none, or it was changed.
    """
    certificate = intact_certificate(platform, model, version)
    if certificate is None:
        raise DeploymentRefused(
            f"{model}:{version} has no certificate as it was issued; "
            f"materialize {model}/evaluation_report"
        )
    return certificate


def intact_certificate(platform: Platform, model: str, version: int) -> Certificate | None:
    """The certificate of a version as it was issued, whatever it says; None without one."""
    registered = platform.registry.get(model, version)
    text = platform.registry.read_artifact_text(registered.run_id, certificate_file(version))
    if text is None:
        return None
    try:
        certificate = Certificate.model_validate_json(text)
    except ValidationError:
        return None
    return certificate if digest_of(text) == registered.tags.get(DIGEST_TAG) else None


def verified_certificate(
    declaration: Declaration, platform: Platform, version: int, *, now: datetime
) -> Certificate:
    """The certificate of a version, if it holds for the declaration in force.

    Raises DeploymentRefused when it is missing, altered, of another version, lacks a gate as it
    is declared now, holds a verdict that blocks and no waiver covers now, or was won against
    another champion or accepted baseline than those of now.
    """
    spec, registry = declaration.spec, platform.registry
    registered = registry.get(spec.name, version)
    champion = platform.releases.state(spec.name).champion
    return verify(
        registry.read_artifact_text(registered.run_id, certificate_file(version)),
        registered.tags.get(DIGEST_TAG),
        model=spec.name,
        version=version,
        required=spec.required_gates,
        comparison=comparison_with(declaration, champion),
        champion=champion,
        file=declaration.file,
        now=now,
    )


def certificate_file(version: int) -> str:
    """Artifact of the MLflow run that holds the certificate of a version."""
    return f"certificate-v{version}.json"


def store_certificate(platform: Platform, certificate: Certificate) -> None:
    """Store the document, then its digest: killed in between, the version is not certified."""
    registry, version = platform.registry, certificate.version
    run_id = registry.get(certificate.model, version).run_id
    registry.log_artifacts(run_id, {certificate_file(version): certificate.text})
    registry.set_tags(certificate.model, version, {DIGEST_TAG: certificate.digest})
