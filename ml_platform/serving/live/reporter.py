"""What a worker tells of itself: counts as evidence of the release, and that it lives."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from ml_platform.clock import utc_now
from ml_platform.exceptions import StoreError
from ml_platform.release.evidence import Counts
from ml_platform.release.worker import WorkerReport
from ml_platform.serving.counters import Counters
from ml_platform.serving.live.followed import FollowedRelease

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Identity:
    """One process.

    name: one of its own for each start; url: of the service it belongs to; process: as
    `this_process` names it.
    """

    name: str
    host: str
    url: str
    process: str


class Reporter:
    """Tells the release store, once a second, from one thread."""

    def __init__(
        self,
        followed: FollowedRelease,
        counters: Counters,
        worker: Identity,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._followed, self._counters, self._worker = followed, counters, worker
        self._now = now
        self._has_cleared = False

    def report(self, *, last: bool = False) -> None:
        """Tell once. A store that is away costs nothing but this report: the next has it all.

        last: this worker stops. The first report tells of killed workers of this machine, too.
        """
        try:
            self._tell_store(last=last)
            if not self._has_cleared:
                self._tell_of_killed()
                self._has_cleared = True
        except StoreError as error:
            _log.debug("%s", error)

    def _tell_of_killed(self) -> None:
        """Say for the workers before this one that were killed that they are over.

        Other machines cannot see that, and could not tell them from workers cut off from the store.
        """
        store = self._followed.known.store
        for each in store.workers(self._followed.known.model):
            if each.is_over and not each.ended:
                store.report_worker(each.model_copy(update={"ended": True}))

    def _tell_store(self, *, last: bool) -> None:
        followed = self._followed
        store, model = followed.known.store, followed.known.model
        store.report_worker(
            WorkerReport(
                model=model,
                worker=self._worker.name,
                host=self._worker.host,
                url=self._worker.url,
                revision=followed.revision,
                versions=followed.shelf.versions,
                seen_at=self._now(),
                process=self._worker.process,
                ended=last,
            )
        )
        for entered, counts in self._counters.steps().items():
            found = _numbered(counts)
            if entered and found:
                store.record_evidence(
                    model, entered=entered, worker=self._worker.name, counts=found
                )


def _numbered(counts: Mapping[tuple[str, str], Counts]) -> dict[tuple[int, str], Counts]:
    return {
        (int(version), role): each
        for (version, role), each in counts.items()
        if version.isdecimal() and (each.requests or each.shadow_dropped)
    }
