"""What a service does when Dagster's daemon is dead: it tells, since nobody else can."""

from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from ml_platform.clock import utc_now
from ml_platform.monitoring.delivery import Delivery, Send, send_by_apprise, take_in
from ml_platform.monitoring.incident_store import IncidentStore
from ml_platform.monitoring.incidents import PLATFORM, Finding
from ml_platform.monitoring.recipients import platform_recipient
from ml_platform.monitoring.sender import PatientSender

KIND = "daemon"
LOCK = ".alerts.lock"
"""Held below the home while incidents are taken in: one at a time on a machine."""


def tell_of_silence(
    store: IncidentStore,
    home: Path,
    urls: tuple[str, ...],
    *,
    since: datetime,
    send: Send = send_by_apprise,
) -> list[Delivery]:
    """Open the incident of a silent daemon, once however many workers tell of it.

    urls: who is told. The daemon's next tick ends it. Raises StoreError.
    """
    text = f"Dagster's daemon gave no sign since {since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    now = utc_now()
    finding = Finding(model=PLATFORM, kind=KIND, ok=False, severity="critical", text=text, at=now)
    try:
        with FileLock(home / LOCK, timeout=0):
            known = any(i.kind == KIND and i.closed is None for i in store.unsettled())
            return take_in(
                store,
                [] if known else [finding],
                {PLATFORM: platform_recipient(urls)},
                send=PatientSender(send),
                now=now,
            )
    except Timeout:
        return []
