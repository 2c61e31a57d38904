"""What a worker of the service tells of itself, so that a command can see that it followed."""

from datetime import UTC, datetime, timedelta

from pydantic import AwareDatetime, Field

from ml_platform.plugins import Strict
from ml_platform.release.process import has_ended

LIVE = timedelta(seconds=3)
"""A worker that was seen within this time is alive."""

FORGOTTEN = timedelta(hours=1)
"""A worker that was not seen for this time counts as gone."""


class WorkerReport(Strict):
    """One worker process, told about once a second.

    worker: a name of its own for each start of a process; url: of the service it belongs to.
    revision: of the release state that it serves; versions: the model versions it has loaded.
    process: as `this_process` names it. ended: it stopped, and tells no more.
    """

    model: str
    worker: str
    host: str
    url: str
    revision: int = Field(ge=0)
    versions: tuple[int, ...]
    seen_at: AwareDatetime
    process: str = ""
    ended: bool = False

    def live(self, *, now: datetime) -> bool:
        """Whether it was seen within `LIVE`; what a clock that jumped tells of later is not."""
        return not self.ended and abs(now - self.seen_at) <= LIVE

    @property
    def is_over(self) -> bool:
        """Whether it stopped, or its process on this machine was killed."""
        return self.ended or has_ended(self.process)

    def silent(self, *, now: datetime) -> bool:
        """Whether it may serve on without being heard of: neither alive, nor over, nor gone."""
        return LIVE < abs(now - self.seen_at) <= FORGOTTEN and not self.is_over

    def told(self, *, now: datetime) -> str:
        """Say of a silent one where it is, since when nothing is heard of it, and what to do."""
        seconds = (now - self.seen_at).total_seconds()
        seen = (
            f"was not seen for {seconds:.0f} s"
            if seconds >= 0
            else f"was last seen {-seconds:.0f} s after now, so its clock or this one is wrong"
        )
        return (
            f"worker {self.worker} of {self.url} on {self.host} {seen}, at revision "
            f"{self.revision}: it may serve that on; end it there, or bring it back to the release "
            "store (after an hour without a sign it counts as gone)"
        )

    @property
    def seen_seconds(self) -> float:
        """When it was seen, seconds since 1970."""
        return self.seen_at.astimezone(UTC).timestamp()
