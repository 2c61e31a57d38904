"""The two threads that follow a release beside the requests of a worker."""

import logging
from collections.abc import Callable
from threading import Event, Thread

from ml_platform.serving.live.followed import FollowedRelease
from ml_platform.serving.live.reporter import Reporter

FOLLOW_SECONDS = 0.25
REPORT_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Following:
    """Looks at the release store four times a second, and reports each second and at each change.

    Two threads, so that a store that is slow to write to is followed all the same.

    swapped: called, on the thread that follows, when somebody else answers from now on.
    """

    def __init__(
        self,
        followed: FollowedRelease,
        reporter: Reporter,
        *,
        swapped: Callable[[], object] = lambda: None,
    ) -> None:
        self._followed, self._reporter, self._swapped = followed, reporter, swapped
        self._ended, self._changed = Event(), Event()
        self._threads = [
            Thread(target=target, name=target.__name__.strip("_"), daemon=True)
            for target in (self._follow, self._report)
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End, once what is under way is done; a store that hangs is not waited for."""
        self._ended.set()
        self._changed.set()
        for thread in self._threads:
            thread.join(timeout=1.0)
        self._followed.close()

    def _follow(self) -> None:
        revision = self._followed.revision
        while not self._ended.wait(FOLLOW_SECONDS):
            try:
                if self._followed.follow():
                    self._swapped()
            except Exception:  # the thread must live: nobody else would follow
                _log.exception("the release could not be followed")
            if self._followed.revision != revision:
                revision = self._followed.revision
                self._changed.set()

    def _report(self) -> None:
        while not self._ended.is_set():
            self._report_once()
            self._changed.wait(REPORT_SECONDS)
            self._changed.clear()
        self._report_once(last=True)  # what was counted since, and that this worker is no more

    def _report_once(self, *, last: bool = False) -> None:
        try:
            self._reporter.report(last=last)
        except Exception:
            _log.exception("the release store could not be told")
