"""Sends messages within the time of a tick: who did not answer once is not waited for again."""

import time
from collections.abc import Callable, Sequence

from ml_platform.monitoring.delivery import Send

SECONDS = 20.0


class PatientSender:
    """Sends through another, for so many seconds in all; what was not sent fails, and comes again.

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
        self._failed: set[tuple[str, ...]] = set()

    def __call__(self, urls: Sequence[str], title: str, body: str) -> bool:
        """Send, unless there is no time left or the addresses failed before."""
        to = tuple(urls)
        if to in self._failed or self._now() > self._until:
            return False
        taken = self._send(urls, title, body)
        if not taken:
            self._failed.add(to)
        return taken
