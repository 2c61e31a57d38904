"""Who is told of incidents: of a model its owner, and who runs the platform of its own."""

from collections.abc import Iterable, Sequence
from urllib.parse import quote

from ml_platform.monitoring.delivery import Recipient
from ml_platform.monitoring.incidents import PLATFORM
from ml_platform.spec.monitoring import AlertsSpec

OWNER = "{owner}"
"""What stands in an address for the declared owner."""

OWNER_URLS = "ML_PLATFORM_OWNER_ALERT_URLS"


def platform_recipient(urls: Sequence[str]) -> Recipient:
    """The recipient of these addresses, ML_PLATFORM_ALERT_URLS."""
    return Recipient(owner=PLATFORM, alerts=AlertsSpec(urls=tuple(urls)))


def model_recipient(owner: str, alerts: AlertsSpec, *, urls: Sequence[str]) -> Recipient:
    """The recipient of a model's incidents, the owner written into the addresses.

    urls: ML_PLATFORM_OWNER_ALERT_URLS, for a model that declares none.
    """
    own = {
        "urls": addressed(alerts.urls or urls, owner),
        "escalate_to": addressed(alerts.escalate_to, owner),
    }
    return Recipient(owner=owner, alerts=alerts.model_copy(update=own))


def addressed(urls: Iterable[str], owner: str) -> tuple[str, ...]:
    """Write an owner into addresses.

    >>> addressed(["mailto://user:pass@mail.example.com?to={owner}"], "ops@example.com")
    ('mailto://user:pass@mail.example.com?to=ops%40example.com',)
    """
    return tuple(url.replace(OWNER, quote(owner, safe="")) for url in urls)


def why_untold(owner: str, alerts: AlertsSpec, *, urls: Sequence[str]) -> str | None:
    """Why nothing is sent to a model's owner; None where something is, or nothing is to be.

    urls: as for `model_recipient`.
    """
    found = alerts.urls or urls
    if not alerts.automatic or any(_reaches(url, owner) for url in found):
        return None
    if found:
        return f"nothing is sent to {owner}: {OWNER} in a mailto:// must be a mail address"
    return f"nothing is sent to {owner}: no address is named in alerts.urls, nor in {OWNER_URLS}"


def _reaches(url: str, owner: str) -> bool:
    """A mail to `team:name` goes nowhere."""
    return not (url.startswith("mailto") and OWNER in url and "@" not in owner)
