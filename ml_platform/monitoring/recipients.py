"""Who is told of incidents of the platform itself."""

from collections.abc import Sequence

from ml_platform.monitoring.delivery import Recipient
from ml_platform.monitoring.incidents import PLATFORM
from ml_platform.spec.monitoring import AlertsSpec


def platform_recipient(urls: Sequence[str]) -> Recipient:
    """The recipient of these addresses, ML_PLATFORM_ALERT_URLS."""
    return Recipient(owner=PLATFORM, alerts=AlertsSpec(urls=tuple(urls)))
