"""What a worker of the service tells of itself, so that a command can see that it followed."""

from datetime import UTC, datetime, timedelta

from pydantic import AwareDatetime, Field

from ml_platform.plugins import Strict

LIVE = timedelta(seconds=3)
"""A worker that was seen within this time is alive."""

FORGOTTEN = timedelta(hours=1)
"""A worker that was not seen for this time is no longer listed."""


class WorkerReport(Strict):
    """One worker process, told about once a second.

    worker: a name of its own for each start of a process; url: of the service it belongs to.
    revision: of the release state that it serves; versions: the model versions it has loaded.
    """

    model: str
    worker: str
    host: str
    url: str
    revision: int = Field(ge=0)
    versions: tuple[int, ...]
    seen_at: AwareDatetime

    def live(self, *, now: datetime) -> bool:
        """Whether it was seen within `LIVE`; what a clock that jumped tells of later is not."""
        return abs(now - self.seen_at) <= LIVE

    @property
    def seen_seconds(self) -> float:
        """When it was seen, seconds since 1970."""
        return self.seen_at.astimezone(UTC).timestamp()
