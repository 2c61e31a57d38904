"""A waiver: a person answers for one failed gate of one version, for a while."""

from collections.abc import Iterable
from datetime import datetime

from pydantic import AwareDatetime, Field

from ml_platform.exceptions import ReleaseError
from ml_platform.gates.result import GateRecord
from ml_platform.plugins import Strict

NEVER_WAIVED = frozenset({"contract", "service_smoke"})
"""Integrity: data that break the contract, and a service that does not answer as the model does."""


class Waiver(Strict):
    """Lets one version pass one gate until a time.

    check: name of the check that the gate is.
    by: the person who answers for it; reason: why, for those who read it later.
    until: from then on it is void; granted_at: when it was given.
    """

    check: str = Field(min_length=1)
    version: int = Field(ge=1)
    by: str = Field(min_length=1)
    reason: str = Field(min_length=1)
    until: AwareDatetime
    granted_at: AwareDatetime

    def holds(self, *, now: datetime) -> bool:
        """Whether it has not expired."""
        return now < self.until

    def __str__(self) -> str:
        """For people: who, until when, why."""
        return f"waived by {self.by} until {self.until:%Y-%m-%d %H:%M %Z}: {self.reason}"


def waiver_of(check: str, waivers: Iterable[Waiver], *, now: datetime) -> Waiver | None:
    """The waiver that covers a check now; the latest of several."""
    holding = [w for w in waivers if w.check == check and w.holds(now=now)]
    return max(holding, key=lambda waiver: waiver.granted_at, default=None)


def unwaived(
    records: Iterable[GateRecord], waivers: Iterable[Waiver], *, now: datetime
) -> list[GateRecord]:
    """The records that stop a release: they block, and no waiver covers them now."""
    known = tuple(waivers)
    return [r for r in records if r.blocks and waiver_of(r.check, known, now=now) is None]


def check_waivable(
    waiver: Waiver, records: Iterable[GateRecord], *, later: Iterable[str] = ()
) -> None:
    """Raise ReleaseError unless the waiver is about a gate that blocks and may be waived.

    later: names of checks that are judged after the certificate, on the running service.
    """
    checks = {*(r.check for r in records if r.blocks), *later}
    blocking = sorted(checks - NEVER_WAIVED)
    if waiver.check in NEVER_WAIVED:
        raise ReleaseError(f"{waiver.check} guards integrity and cannot be waived")
    if waiver.check not in blocking:
        valid = ", ".join(blocking) or "none, no gate blocks it"
        raise ReleaseError(
            f"{waiver.check!r} does not block version {waiver.version} (gates that do: {valid})"
        )
    if not waiver.holds(now=waiver.granted_at):
        raise ReleaseError(f"a waiver that ends at {waiver.until:%Y-%m-%d %H:%M} is void already")
