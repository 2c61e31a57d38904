"""What was asked of the service in a window, and what earlier reports had counted."""

import logging
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from ml_platform.addresses import without_secrets
from ml_platform.clock import utc_now
from ml_platform.component.monitoring_sensor import GRACE
from ml_platform.component.platform import Platform
from ml_platform.component.steps.kept_reports import KeptReports
from ml_platform.monitoring.traffic import Traffic, traffic
from ml_platform.release.worker import WorkerReport
from ml_platform.serving.counts_shipping import collect, forget
from ml_platform.serving.worker_counts import fold, read_others, written_at

SILENT = timedelta(days=7)
"""A worker that wrote no counts for this long has ended: each writes once a second."""

LATE = timedelta(minutes=2)
"""Counts so much older than their worker's last sign of life are not all it counted: those of other
machines come every ten seconds, or once a minute after the store was away."""

_log = logging.getLogger(__name__)


class Counted(NamedTuple):
    """Requests of a window, and all that were counted when it was over; None: nobody counted."""

    traffic: Traffic | None
    totals: Traffic | None


def counted(
    platform: Platform, name: str, *, begin: datetime, end: datetime, now: datetime
) -> Counted:
    """Requests of the window, as the report had them that was made when it was over.

    Workers count on: only until the next window is over is what they counted that of this one.
    """
    reports = KeptReports(platform, name)
    kept = reports.of(begin)
    if kept is not None:
        return Counted(kept.traffic, kept.totals)
    if now >= end + (end - begin) + GRACE:
        return Counted(None, None)
    folder = platform.settings.kept_counts(name)
    _gather(folder, platform.settings.shipped_counts(name))
    found = read_others(folder, but="")
    totals = traffic(found.counts, found.journal)
    before = _totals_before(reports, begin)
    since = totals.since(before) if before else totals
    return Counted(since.model_copy(update={"elsewhere": _elsewhere(platform, name)}), totals)


def _gather(folder: Path, shared: str | None) -> None:
    """Fetch what workers of other machines counted, and add up the files of those that ended.

    shared: where it lies; None where machines share nothing. A store that is away is told in the
    log: what it lacks is fetched, and counted, the next time. One process at a time.
    """
    from filelock import FileLock

    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".fold.lock"):
        ended = time.time() - SILENT.total_seconds()
        if shared is None:
            fold(folder, before=ended)
            return
        try:
            collect(shared, folder)
            fold(folder, before=ended, forget=lambda worker: forget(shared, worker))
        except OSError as error:
            said = without_secrets(f"{shared}: {error}")
            _log.warning("counts of other machines cannot be fetched from %s", said)


def _elsewhere(platform: Platform, name: str) -> tuple[str, ...]:
    """The hosts of workers whose counts are older than their last sign of life, or not here."""
    folder, now = platform.settings.kept_counts(name), utc_now()

    def is_late(worker: WorkerReport) -> bool:
        silent = (now - worker.seen_at).total_seconds()  # of a clock that may be simulated
        return time.time() - written_at(folder, worker.worker) - silent > LATE.total_seconds()

    return tuple(sorted({each.host for each in platform.releases.workers(name) if is_late(each)}))


def _totals_before(reports: KeptReports, begin: datetime) -> Traffic | None:
    """What had been counted by the newest report of an earlier window that counted."""
    counts = (report.totals for report in reports.before(begin))
    return next((totals for totals in counts if totals is not None), None)
