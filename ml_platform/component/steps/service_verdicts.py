"""What the gates on the running service said: they come after the certificate, with the release."""

from ml_platform.component.platform import Platform
from ml_platform.gates.result import GateRecord


def service_verdicts(
    platform: Platform, model: str, version: int, *, certificate: str | None = None
) -> tuple[GateRecord, ...]:
    """The records that a version was last released on; empty where it never was.

    certificate: digest of the one that the release must rest on; None for whichever.
    """
    for transition in reversed(platform.releases.history(model)):
        evidence = transition.evidence
        if transition.version != version or "service" not in evidence:
            continue
        if certificate in (None, evidence["certificate"]):
            return tuple(GateRecord.model_validate(record) for record in evidence["service"])
    return ()
