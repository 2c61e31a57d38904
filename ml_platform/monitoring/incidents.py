"""From findings to incidents: one for each thing that is wrong, from its first sign to its end."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Self

from pydantic import AwareDatetime, Field, JsonValue

from ml_platform.plugins import Strict
from ml_platform.spec.monitoring import Severity

PLATFORM = "platform"
"""The model that incidents of the platform itself belong to."""

_TOLD = {"opened": "told", "recovered": "recovery_told", "escalated": "escalated"}


class Finding(Strict):
    """Something that is wrong, or right again, at a time.

    kind: what it is about, such as `drift`, `quality`, `run_failed`, `waiver_expiring`.
    subject: what of the model, such as a column or a check; "" where it is all of it.
    ok: whether all is well with it; that ends an incident.
    text: one sentence with the figures. evidence: the figures, JSON-ready.
    window: of the report that found it, which the next report finds again for as long as it lasts.
    """

    model: str
    kind: str
    subject: str = ""
    ok: bool
    severity: Severity = "warning"
    text: str
    at: AwareDatetime
    version: int | None = None
    window: str | None = None
    evidence: dict[str, JsonValue] = Field(default={})

    @property
    def thing(self) -> tuple[str, str, str]:
        """What an incident is known by while it is open."""
        return self.model, self.kind, self.subject


class Incident(Strict):
    """Something wrong with a model, from when it was found to when it was well again.

    window, windows: of the last report that found it, and how many reports did; None and 0 for
    what no report finds. told, escalated, recovery_told: when the first of their addresses was
    told; None before, and where a silence or what is declared keeps it from them. taken: by
    occasion, the marks of the addresses that took its message, for as long as another lacks it.
    undelivered: since when an address does not take a message about it.
    """

    id: str
    model: str
    kind: str
    subject: str
    severity: Severity
    opened: AwareDatetime
    last_seen: AwareDatetime
    seen: int = 1
    window: str | None = None
    windows: int = 0
    closed: AwareDatetime | None = None
    text: str
    version: int | None = None
    evidence: dict[str, JsonValue] = Field(default={})
    told: AwareDatetime | None = None
    escalated: AwareDatetime | None = None
    recovery_told: AwareDatetime | None = None
    taken: dict[str, tuple[str, ...]] = Field(default={})
    undelivered: AwareDatetime | None = None

    @classmethod
    def open_for(cls, finding: Finding) -> Self:
        """The incident that a finding begins."""
        text = "|".join((*finding.thing, finding.at.isoformat()))
        return cls(
            id=sha256(text.encode()).hexdigest()[:12],
            model=finding.model,
            kind=finding.kind,
            subject=finding.subject,
            severity=finding.severity,
            opened=finding.at,
            last_seen=finding.at,
            text=finding.text,
            version=finding.version,
            window=finding.window,
            windows=0 if finding.window is None else 1,
            evidence=finding.evidence,
        )

    @property
    def thing(self) -> tuple[str, str, str]:
        """What it is known by while it is open."""
        return self.model, self.kind, self.subject

    def lacks(self, occasion: str) -> bool:
        """Whether an address is still to take the message of an occasion."""
        return getattr(self, _TOLD[occasion]) is None or occasion in self.taken

    def seen_again(self, finding: Finding) -> Self:
        """The incident after one more finding of it; it takes the worse severity."""
        worse = "critical" if "critical" in (self.severity, finding.severity) else "warning"
        return self.model_copy(
            update={
                "last_seen": finding.at,
                "seen": self.seen + 1,
                "severity": worse,
                "text": finding.text,
                "version": finding.version or self.version,
                "window": finding.window,
                "windows": self.windows + (finding.window != self.window),
                "evidence": finding.evidence,
            }
        )

    def recovered(self, finding: Finding) -> Self:
        """The incident at its end."""
        return self.model_copy(update={"closed": finding.at, "last_seen": finding.at})


def updated(open_ones: Iterable[Incident], findings: Iterable[Finding]) -> list[Incident]:
    """Return the incidents that findings begin, go on with or end; the others stay as they are.

    open_ones: what is open now. Findings are taken in the order of their time; one that is older
    than the last sign of its incident says nothing new.
    """
    known = {incident.thing: incident for incident in open_ones}
    changed: dict[str, Incident] = {}
    for finding in sorted(findings, key=lambda finding: finding.at):
        before = known.get(finding.thing)
        if before is None:
            after = None if finding.ok else Incident.open_for(finding)
        elif finding.at <= before.last_seen:
            after = None
        elif finding.ok:
            after = before.recovered(finding)
        else:
            after = before.seen_again(finding)
        if after is None:
            continue
        changed[after.id] = after
        if after.closed is None:
            known[after.thing] = after
        else:
            del known[after.thing]
    return list(changed.values())


@dataclass(frozen=True)
class Due:
    """A message that is due. occasion: `opened`, `recovered` or `escalated`."""

    incident: Incident
    occasion: str

    def told(self, now: datetime, *, taken: Sequence[str] = ()) -> Incident:
        """The incident once the message went out. taken: by whom, where another lacks it still."""
        field = _TOLD[self.occasion]
        others = {o: marks for o, marks in self.incident.taken.items() if o != self.occasion}
        own = {self.occasion: tuple(taken)} if taken else {}
        told = {field: getattr(self.incident, field) or now, "taken": others | own}
        return self.incident.model_copy(update=told)


def due(
    incident: Incident, *, escalate_after: float | None, reports: int = 1, now: datetime
) -> Sequence[Due]:
    """Return the messages that an incident is due now.

    escalate_after: seconds; None where there is nobody to escalate to. reports: how many must find
    a warning before anybody is told. Of an incident that nobody was told of, nobody is told that
    it is over.
    """
    if incident.closed is not None:
        over = incident.told is not None and incident.lacks("recovered")
        return [Due(incident, "recovered")] if over else []
    if incident.severity == "warning" and 0 < incident.windows < reports:
        return []
    messages = [Due(incident, "opened")] if incident.lacks("opened") else []
    age = (now - incident.opened).total_seconds()
    if escalate_after is not None and incident.lacks("escalated") and age >= escalate_after:
        messages.append(Due(incident, "escalated"))
    return messages
