"""What was asked of the service in a window, and what earlier reports had counted."""

from datetime import datetime
from typing import NamedTuple

from ml_platform.component.monitoring_sensor import GRACE
from ml_platform.component.platform import Platform
from ml_platform.component.steps.kept_reports import KeptReports
from ml_platform.monitoring.traffic import Traffic, traffic
from ml_platform.serving.worker_counts import read_others


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
    found = read_others(platform.settings.kept_counts(name), but="")
    totals = traffic(found.counts, found.journal)
    before = _totals_before(reports, begin)
    return Counted(totals.since(before) if before else totals, totals)


def _totals_before(reports: KeptReports, begin: datetime) -> Traffic | None:
    """What had been counted by the newest report of an earlier window that counted."""
    counts = (report.totals for report in reports.before(begin))
    return next((totals for totals in counts if totals is not None), None)
