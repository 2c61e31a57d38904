"""The release certificate: what a version was judged by, bound to that very version by a hash."""

from collections.abc import Iterable
from functools import cached_property
from hashlib import sha256
from typing import Any

import orjson
from pydantic import AwareDatetime, ValidationError

from ml_platform.exceptions import DeploymentRefused
from ml_platform.gates.result import GateRecord
from ml_platform.plugins import Strict


class CertifiedSnapshot(Strict):
    """The snapshot of the data that a version was trained on."""

    table: str
    version: int
    hash: str


class Certificate(Strict):
    """Everything that speaks for, or against, releasing one version.

    records: the verdict of each gate, with the gate as it was declared.
    code_version: fingerprint of code and configuration; git_commit: None outside a repository.
    environment: Python, platform and the versions of the libraries.
    metrics: measured on the holdout; None where not measurable.
    model_hash: sha256 of the saved model's manifest, which holds that of each of its files.
    """

    model: str
    version: int
    records: tuple[GateRecord, ...]
    snapshot: CertifiedSnapshot
    contract_version: int
    code_version: str
    git_commit: str | None
    environment: dict[str, str]
    metrics: dict[str, float | None]
    issued_at: AwareDatetime
    model_hash: str | None = None

    @cached_property
    def canonical(self) -> str:
        """The one JSON text of this certificate: keys sorted, no spaces."""
        return _canonical(self.model_dump(mode="json"))

    @cached_property
    def digest(self) -> str:
        """The sha256 of the canonical text, in hex; what the deployment checks."""
        return sha256(self.canonical.encode()).hexdigest()

    @property
    def blocking(self) -> list[GateRecord]:
        """The records that stop the release."""
        return [record for record in self.records if record.blocks]


def read_certificate(text: str | None, *, model: str, version: int) -> Certificate:
    """Read a stored certificate. Raises DeploymentRefused when it is missing or unreadable."""
    if text is None:
        raise DeploymentRefused(
            f"{model}:{version} has no release certificate; train it through its gates"
        )
    try:
        return Certificate.model_validate_json(text)
    except ValidationError as error:
        raise DeploymentRefused(
            f"the release certificate of {model}:{version} cannot be read, it was changed or cut "
            f"off: {error.errors()[0]['msg']}"
        ) from error


def verify(
    certificate: Certificate,
    digest: str | None,
    *,
    model: str,
    version: int,
    required_checks: Iterable[str],
) -> None:
    """Raise DeploymentRefused, with everything that is wrong, unless the version may be released.

    digest: the hash kept with the version; None when there is none.
    required_checks: names of the checks that the declaration in force asks for.
    """
    problems = [
        *_integrity(certificate, digest, model=model, version=version),
        *_completeness(certificate, required_checks),
        *(
            f"{record.check} {record.result.verdict}: {record.result.reason}"
            for record in certificate.blocking
        ),
    ]
    if problems:
        raise DeploymentRefused(f"{model}:{version} may not be deployed: {'; '.join(problems)}")


def _integrity(
    certificate: Certificate, digest: str | None, *, model: str, version: int
) -> list[str]:
    problems: list[str] = []
    if (certificate.model, certificate.version) != (model, version):
        problems.append(f"its certificate is of {certificate.model}:{certificate.version}")
    if digest is None:
        problems.append("no hash of its certificate was kept with the version")
    elif certificate.digest != digest:
        problems.append(
            f"its certificate was changed: its hash is {certificate.digest[:12]}, "
            f"kept with the version is {digest[:12]}"
        )
    return problems


def _completeness(certificate: Certificate, required_checks: Iterable[str]) -> list[str]:
    judged = {record.check for record in certificate.records}
    missing = sorted(set(required_checks) - judged)
    if not missing:
        return []
    return [f"its certificate lacks {', '.join(missing)}; run the checks and certify it again"]


def _canonical(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
