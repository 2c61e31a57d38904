"""Sends messages within the time of a tick: who did not answer once is not waited for again."""

import time
from collections.abc import Callable, Collection, Sequence

from ml_platform.monitoring.delivery import Send

SECONDS = 20.0


class PatientSender:
    """Sends through another, for so many seconds in all; what is not tried by then comes again.

    Addresses that failed fail at once from then on: a mail server that is away costs one time-out
    a tick, not one for each incident.
    """

    def __init__(
        self,
        send: Send,
        *,
        seconds: float = SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._send, self._now = send, monotonic
        self._until = monotonic() + seconds
        self._failed: set[str] = set()

    def __call__(self, urls: Sequence[str], title: str, body: str) -> Collection[str] | None:
        """Send to the addresses that did not fail before; None where there is no time left."""
        to = [url for url in urls if url not in self._failed]
        if not to:
            return ()
        if self._now() > self._until:
            return None
        taken = self._send(to, title, body)
        if taken is not None:
            self._failed.update(url for url in to if url not in taken)
        return taken
