"""Findings about things that are looked at as a whole: what is there stands, the rest is over."""

from collections.abc import Iterable
from datetime import datetime

from ml_platform.monitoring.incidents import Finding, Incident


def standing(
    kind: str, there: Iterable[Finding], open_ones: Iterable[Incident], *, now: datetime
) -> list[Finding]:
    """Return what is new or says something new, and the end of what is no longer there.

    kind: of the findings; there: everything of that kind that is wrong now. What goes on
    unchanged is no finding again, so that a tick without news writes nothing.
    """
    known = {i.thing: i for i in open_ones if i.kind == kind and i.closed is None}
    found = {finding.thing: finding for finding in there}
    news = [f for thing, f in found.items() if thing not in known or known[thing].text != f.text]
    over = [ended(incident, now=now) for thing, incident in known.items() if thing not in found]
    return [*news, *over]


def ended(incident: Incident, *, now: datetime, text: str = "it is over") -> Finding:
    """The finding that ends an incident."""
    return Finding(
        model=incident.model,
        kind=incident.kind,
        subject=incident.subject,
        ok=True,
        severity=incident.severity,
        text=text,
        at=now,
    )
