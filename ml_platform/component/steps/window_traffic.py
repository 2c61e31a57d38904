"""What was asked of the service in a window, and what earlier reports had counted."""

import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from ml_platform.component.monitoring_sensor import GRACE
from ml_platform.component.platform import Platform
from ml_platform.component.steps.kept_reports import KeptReports
from ml_platform.monitoring.traffic import Traffic, traffic
from ml_platform.serving.worker_counts import fold, read_others

SILENT = timedelta(days=7)
"""A worker that wrote no counts for this long has ended: each writes once a second."""


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
    _fold(folder)
    found = read_others(folder, but="")
    totals = traffic(found.counts, found.journal)
    before = _totals_before(reports, begin)
    since = totals.since(before) if before else totals
    return Counted(since.model_copy(update={"elsewhere": _elsewhere(platform, name)}), totals)


def _fold(folder: Path) -> None:
    """Forget the files of workers that ended, not what they counted; one process at a time."""
    from filelock import FileLock

    if folder.is_dir():
        with FileLock(folder / ".fold.lock"):
            fold(folder, before=time.time() - SILENT.total_seconds())


def _elsewhere(platform: Platform, name: str) -> tuple[str, ...]:
    """The hosts of workers that told of themselves, and did not write their counts here."""
    folder = platform.settings.kept_counts(name)
    workers = platform.releases.workers(name)
    hosts = {each.host for each in workers if not (folder / f"{each.worker}.json").is_file()}
    return tuple(sorted(hosts))


def _totals_before(reports: KeptReports, begin: datetime) -> Traffic | None:
    """What had been counted by the newest report of an earlier window that counted."""
    counts = (report.totals for report in reports.before(begin))
    return next((totals for totals in counts if totals is not None), None)
