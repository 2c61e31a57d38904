"""Sends what is due, and keeps what became of it; what failed is tried again the next time."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ml_platform.monitoring.incident_store import IncidentStore
from ml_platform.monitoring.incidents import Due, Finding, Incident, due, updated
from ml_platform.monitoring.message import body, title
from ml_platform.spec.monitoring import AlertsSpec

Send = Callable[[Sequence[str], str, str], bool]
"""Sends to the addresses a title and a body; False where one did not take it."""

SEVERITIES = ("warning", "critical")


@dataclass(frozen=True)
class Recipient:
    """Who is told of a model's incidents, and how."""

    owner: str
    alerts: AlertsSpec


@dataclass(frozen=True)
class Delivery:
    """What became of a message. outcome: `sent`, `failed`, `silenced`, or `unaddressed`."""

    title: str
    incident: str
    model: str
    outcome: str


def take_in(
    store: IncidentStore,
    findings: Iterable[Finding],
    recipients: Mapping[str, Recipient],
    *,
    send: Send,
    now: datetime,
) -> list[Delivery]:
    """Bring the incidents up to date with the findings and tell those who are to be told.

    Idempotent: the same findings once more open nothing and tell nobody. Incidents are stored
    before anybody is told, so that a crash in between tells twice rather than never.
    """
    changed = updated(store.unsettled(), findings)
    store.put(changed)
    deliveries: list[Delivery] = []
    for incident in store.unsettled():
        recipient = recipients.get(incident.model)
        if recipient is not None:
            deliveries += _tell(store, incident, recipient, send=send, now=now)
    return deliveries


def _tell(
    store: IncidentStore, incident: Incident, to: Recipient, *, send: Send, now: datetime
) -> list[Delivery]:
    alerts = to.alerts
    if SEVERITIES.index(incident.severity) < SEVERITIES.index(alerts.min_severity):
        return []
    after = alerts.escalate_after.total_seconds() if alerts.escalate_to else None
    deliveries: list[Delivery] = []
    for message in due(incident, escalate_after=after, reports=alerts.after_reports, now=now):
        outcome = _sent(message, to, send=send, now=now)
        deliveries.append(Delivery(title(message), incident.id, incident.model, outcome))
        if outcome in ("sent", "unaddressed"):
            incident = Due(incident, message.occasion).told(now)
            store.put([incident])
        elif outcome == "failed" and incident.undelivered is None:
            incident = incident.model_copy(update={"undelivered": now})
            store.put([incident])
    return deliveries


def _sent(message: Due, to: Recipient, *, send: Send, now: datetime) -> str:
    if to.alerts.silence(now) is not None:
        return "silenced"
    urls = to.alerts.escalate_to if message.occasion == "escalated" else to.alerts.urls
    if not urls:
        return "unaddressed"
    taken = send(urls, title(message), body(message, spec=to.alerts, owner=to.owner))
    return "sent" if taken else "failed"


def send_by_apprise(urls: Sequence[str], title: str, body: str) -> bool:
    """Send through apprise: Slack, e-mail, PagerDuty, Teams, webhooks and a hundred others."""
    import apprise

    addresses = apprise.Apprise()
    known = [addresses.add(url) for url in urls]
    return all(known) and bool(addresses.notify(body=body, title=title))
