"""Sends what is due, and keeps what became of it; what failed is tried again the next time."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from ml_platform.exceptions import did_you_mean
from ml_platform.monitoring.incident_store import IncidentStore
from ml_platform.monitoring.incidents import Due, Finding, Incident, due, updated
from ml_platform.monitoring.message import body, title
from ml_platform.spec.monitoring import AlertsSpec

Send = Callable[[Sequence[str], str, str], Collection[str] | None]
"""Sends to the addresses a title and a body; those that took it, None where none was tried."""

SEVERITIES = ("warning", "critical")


@dataclass(frozen=True)
class Recipient:
    """Who is told of a model's incidents, and how."""

    owner: str
    alerts: AlertsSpec


@dataclass(frozen=True)
class Delivery:
    """What became of a message.

    outcome: `sent`, `failed` where an address did not take it, `untried` where there was no time
    to send it, `silenced`, or `unaddressed` where nobody is left to tell. lacking: the addresses
    that are still to take it, without what is secret in them.
    """

    title: str
    incident: str
    model: str
    outcome: str
    lacking: tuple[str, ...] = ()


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
    before anybody is told, so that a crash in between tells twice rather than never. What an
    address did not take comes last, so that one that is slow to fail holds up no news, nor what
    was not tried for want of time.
    """
    changed = updated(store.unsettled(), findings)
    store.put(changed)
    deliveries: list[Delivery] = []
    for incident in sorted(store.unsettled(), key=lambda each: each.undelivered is not None):
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
        delivery, told = _sent(Due(incident, message.occasion), to, send=send, now=now)
        deliveries.append(delivery)
        if told != incident:
            incident = told
            store.put([incident])
    since = _undelivered(incident, {delivery.outcome for delivery in deliveries}, now)
    if since != incident.undelivered:
        store.put([incident.model_copy(update={"undelivered": since})])
    return deliveries


def _undelivered(incident: Incident, outcomes: Collection[str], now: datetime) -> datetime | None:
    """Since when an address does not take a message, given what became of those that were due."""
    if "failed" in outcomes:
        return incident.undelivered or now
    unknown = "silenced" in outcomes or "untried" in outcomes
    return incident.undelivered if unknown else None


def _sent(message: Due, to: Recipient, *, send: Send, now: datetime) -> tuple[Delivery, Incident]:
    """What became of a message, and the incident afterwards."""
    incident, subject = message.incident, title(message)
    done = Delivery(subject, incident.id, incident.model, "sent")
    if to.alerts.silence(now) is not None:
        return replace(done, outcome="silenced"), incident
    urls = _to_be_told(message, to.alerts)
    if not urls:
        return replace(done, outcome="unaddressed"), message.told(now)
    taken = send(urls, subject, body(message, spec=to.alerts, owner=to.owner))
    if taken is None:
        untried = tuple(shown(url) for url in urls)
        return replace(done, outcome="untried", lacking=untried), incident
    lacking = tuple(shown(url) for url in urls if url not in taken)
    if not lacking:
        return done, message.told(now)
    failed = replace(done, outcome="failed", lacking=lacking)
    marks = (*incident.taken.get(message.occasion, ()), *(mark(url) for url in taken))
    return failed, message.told(now, taken=marks) if marks else incident


def _to_be_told(message: Due, alerts: AlertsSpec) -> tuple[str, ...]:
    """The addresses that are still to take a message.

    One that lacks what opened an incident is not told that it is over.
    """
    taken = message.incident.taken
    urls = alerts.escalate_to if message.occasion == "escalated" else alerts.urls
    if message.occasion == "recovered" and "opened" in taken:
        urls = [url for url in urls if mark(url) in taken["opened"]]
    done = taken.get(message.occasion, ())
    return tuple(dict.fromkeys(url for url in urls if mark(url) not in done))


def mark(url: str) -> str:
    """What an address is known by where it must not stand, since a token may be in it."""
    return sha256(url.encode()).hexdigest()[:8]


def shown(url: str) -> str:
    """An address without what may be secret in it.

    >>> shown("slack://token/of/channel")
    'slack://...'
    """
    scheme, separator, _ = url.partition("://")
    return f"{scheme}://..." if separator else "an address without a scheme"


def send_by_apprise(urls: Sequence[str], title: str, body: str) -> frozenset[str]:
    """Send through apprise: Slack, e-mail, PagerDuty, Teams, webhooks and a hundred others.

    To each address by itself and to all at once: one that is wrong or slow keeps it from nobody.
    """
    import apprise

    def took(url: str) -> bool:
        address = apprise.Apprise()
        return address.add(url) and bool(address.notify(body=body, title=title))

    with ThreadPoolExecutor(len(urls)) as pool:
        return frozenset(url for url, ok in zip(urls, pool.map(took, urls), strict=True) if ok)


def why_unreadable(url: str) -> str | None:
    """Why apprise could not send to an address, and what would be valid; None where it could."""
    import apprise

    if apprise.Apprise().add(url):
        return None
    scheme, separator, _ = url.partition("://")
    known = sorted(apprise.NotificationManager().schemas())
    if not separator:
        return f"{shown(url)} (valid: scheme://..., as apprise writes it)"
    if scheme not in known:
        return f"apprise knows no scheme {scheme!r}{did_you_mean(scheme, known)}"
    return f"apprise cannot read what follows {scheme}:// (valid: as its page on {scheme} says)"
