"""Whether Dagster's daemon lives, seen from the service, which goes on without it."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

from ml_platform.exceptions import StoreError
from ml_platform.monitoring.heartbeat import last_beat

LOOK_SECONDS = 15.0
TELL_AFTER = timedelta(minutes=10)
TELL_AGAIN_SECONDS = 600.0
"""A message that nobody took is tried again after this; told is told once."""

_log = logging.getLogger(__name__)


class DaemonWatch:
    """Looks at the daemon's heartbeat now and then; `look` costs a comparison in between.

    tell: called on a thread of its own with the last sign, when there was none for ten minutes.
    A home in which no daemon ever ran tells nothing: it may run elsewhere.
    """

    def __init__(
        self,
        home: Path,
        *,
        tell: Callable[[datetime], object],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.silent_since: datetime | None = None
        self._home, self._tell, self._now, self._monotonic = home, tell, now, monotonic
        self._look_at = self._tell_at = monotonic()

    def look(self) -> None:
        """Look, when it is time."""
        seconds = self._monotonic()
        if seconds < self._look_at:
            return
        self._look_at = seconds + LOOK_SECONDS
        beat, now = last_beat(self._home), self._now()
        self.silent_since = beat.silent_since(now=now)
        since = beat.silent_since(now=now, allowed=TELL_AFTER)
        if since is not None and seconds >= self._tell_at:
            self._tell_at = seconds + TELL_AGAIN_SECONDS
            Thread(target=self._told, args=(since,), name="daemon_alert", daemon=True).start()

    def health(self) -> dict[str, str]:
        """What `GET /health` says of it: nothing where all is well."""
        since = self.silent_since
        return {} if since is None else {"daemon": f"silent since {since:%Y-%m-%d %H:%M:%S} UTC"}

    def _told(self, since: datetime) -> None:
        try:
            self._tell(since)
        except StoreError as error:
            _log.warning("a silent daemon could not be told of: %s", error)
