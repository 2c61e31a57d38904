"""Certificates in the registry: logged with the run of a version, their hash kept as its tag."""

from collections.abc import Iterable

from ml_platform.registry.certificate import Certificate, read_certificate, verify
from ml_platform.registry.version import VersionRegistry

DIGEST_TAG = "certificate_sha256"


def certify(registry: VersionRegistry, certificate: Certificate) -> str:
    """Store the certificate of a version and return its digest.

    The document is stored before the hash: killed in between, the version is not certified.
    """
    version = registry.get(certificate.model, certificate.version)
    registry.log_artifacts(
        version.run_id, {_file(version.version): certificate.canonical}, under="certificates"
    )
    registry.set_tags(version.name, version.version, {DIGEST_TAG: certificate.digest})
    return certificate.digest


def certified(
    registry: VersionRegistry, model: str, version: int, *, required_checks: Iterable[str]
) -> Certificate:
    """Return the verified certificate of a version.

    Raises DeploymentRefused when it is missing, changed, incomplete, or holds a blocking verdict;
    ModelError when there is no such version.
    """
    found = registry.get(model, version)
    text = registry.read_artifact_text(found.run_id, f"certificates/{_file(version)}")
    certificate = read_certificate(text, model=model, version=version)
    verify(
        certificate,
        found.tags.get(DIGEST_TAG),
        model=model,
        version=version,
        required_checks=required_checks,
    )
    return certificate


def _file(version: int) -> str:
    return f"version-{version}.json"
