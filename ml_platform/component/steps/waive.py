"""A person lets a version pass a gate: in its certificate, and in what people read of it."""

from ml_platform.component.platform import Platform
from ml_platform.component.steps.certify import certificate_of, store_certificate
from ml_platform.component.steps.documents import renew_documents
from ml_platform.gates.gate import Stage
from ml_platform.registry.certificate import Certificate
from ml_platform.registry.waiver import Waiver, check_waivable
from ml_platform.spec.load import Declaration


def waive(declaration: Declaration, platform: Platform, waiver: Waiver) -> Certificate:
    """Add a waiver to the certificate of its version and certify it anew.

    It is given for the verdict that the certificate holds: other evidence makes it void. A gate on
    the running service can be waived before it is judged, since its verdicts come after the
    certificate. Raises DeploymentRefused when there is no certificate as it was issued,
    ReleaseError when the gate does not block or cannot be waived.
    """
    name = declaration.spec.name
    certificate = certificate_of(platform, name, waiver.version)
    service = [gate.check_name for gate in declaration.spec.all_gates(Stage.DEPLOYED_BENTO)]
    check_waivable(waiver, certificate.records, later=service)
    judged = {record.check: record.digest for record in certificate.records}
    waiver = waiver.model_copy(update={"verdict": judged.get(waiver.check)})
    renewed = certificate.model_copy(
        update={"waivers": (*certificate.waivers, waiver), "issued_at": waiver.granted_at}
    )
    store_certificate(platform, renewed)
    renew_documents(platform, renewed, now=waiver.granted_at)
    return renewed
