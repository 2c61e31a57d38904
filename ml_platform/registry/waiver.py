"""A waiver: a person answers for one failed gate of one version, for a while."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from pydantic import AwareDatetime, Field

from ml_platform.exceptions import ReleaseError
from ml_platform.gates.result import GateRecord
from ml_platform.plugins import Strict

NEVER_WAIVED = frozenset({"contract", "service_smoke"})
"""Integrity: data that break the contract, and a service that does not answer as the model does."""


class Waiver(Strict):
    """Lets one version pass one gate until a time, on the evidence that the person saw.

    check: name of the check that the gate is.
    by: the person who answers for it; reason: why, for those who read it later.
    until: from then on it is void; granted_at: when it was given.
    verdict: digest of the record that it was given for, it covers no other; None for a gate that
        is judged after the certificate, on the running service.
    """

    check: str = Field(min_length=1)
    version: int = Field(ge=1)
    by: str = Field(min_length=1)
    reason: str = Field(min_length=1)
    until: AwareDatetime
    granted_at: AwareDatetime
    verdict: str | None = None

    def holds(self, *, now: datetime) -> bool:
        """Whether it has not expired."""
        return now < self.until

    def void(self, record: GateRecord | None, *, now: datetime) -> str:
        """Why it covers a record of its gate no more; "" where it does. None: not judged yet."""
        if not self.holds(now=now):
            return "over"
        if record is not None and self.verdict not in (None, record.digest):
            return "void: given for another verdict"
        return ""

    def told(self, record: GateRecord | None, *, now: datetime) -> str:
        """For people, with a mark where it covers the record of its gate no more."""
        void = self.void(record, now=now)
        return f"{self} ({void})" if void else str(self)

    def __str__(self) -> str:
        """For people: who, until when, why."""
        return f"waived by {self.by} until {self.until:%Y-%m-%d %H:%M %Z}: {self.reason}"


def waiver_of(record: GateRecord, waivers: Iterable[Waiver], *, now: datetime) -> Waiver | None:
    """The waiver that covers a record now; the latest of several."""
    covering = [w for w in waivers if w.check == record.check and not w.void(record, now=now)]
    return max(covering, key=lambda waiver: waiver.granted_at, default=None)


def with_void(record: GateRecord, waivers: Iterable[Waiver], *, now: datetime) -> str:
    """What a record that blocks says, and the latest waiver of its gate, which is void."""
    own = [waiver.told(record, now=now) for waiver in waivers if waiver.check == record.check]
    return "; ".join([record.result.told, *own[-1:]])


def told_waivers(
    waivers: Iterable[Waiver], records: Iterable[GateRecord], *, now: datetime
) -> Iterator[tuple[Waiver, str]]:
    """Every waiver of a certificate, with what it says beside the record of its gate."""
    by_check = {record.check: record for record in records}
    for waiver in waivers:
        yield waiver, waiver.told(by_check.get(waiver.check), now=now)


def unwaived(
    records: Iterable[GateRecord], waivers: Iterable[Waiver], *, now: datetime
) -> list[GateRecord]:
    """The records that stop a release: they block, and no waiver covers them now."""
    known = tuple(waivers)
    return [r for r in records if r.blocks and waiver_of(r, known, now=now) is None]


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
