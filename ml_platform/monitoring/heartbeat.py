"""A file that Dagster's daemon renews, so that others can tell that it is dead."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

FILE = "daemon_heartbeat.json"
DEAD_AFTER = timedelta(minutes=5)
"""Without a sign for this long it is dead; a sign comes each half minute."""


@dataclass(frozen=True)
class Heartbeat:
    """The last sign of the daemon, by the machine's clock; None where it never ran here."""

    at: datetime | None

    def silent_since(self, *, now: datetime, allowed: timedelta = DEAD_AFTER) -> datetime | None:
        """Since when there is no sign, where that is longer ago than allowed."""
        return self.at if self.at is not None and now - self.at > allowed else None

    def told(self, *, now: datetime) -> str:
        """For people: that it runs, that it is dead, or that it never ran."""
        since = self.silent_since(now=now)
        if self.at is None:
            return "never ran here"
        return "running" if since is None else f"dead since {since:%Y-%m-%d %H:%M:%S} UTC"


def beat(home: Path, *, now: datetime) -> None:
    """Write a sign; now: by the machine's clock."""
    from ml_platform.data.handles import HandleStore

    text = json.dumps({"at": now.astimezone(UTC).isoformat()})
    HandleStore(str(home)).write(FILE, text)


def last_beat(home: Path) -> Heartbeat:
    """Read the last sign; a file that cannot be read is none."""
    try:
        at = json.loads((home / FILE).read_text("utf-8"))["at"]
        return Heartbeat(datetime.fromisoformat(at))
    except (OSError, ValueError, KeyError, TypeError):
        return Heartbeat(None)
