"""What was asked of the service in a window, and what earlier reports had counted."""

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from ml_platform.component.monitoring_sensor import GRACE
from ml_platform.component.platform import Platform
from ml_platform.data.handles import HandleStore
from ml_platform.monitoring.report import MonitoringReport, stem
from ml_platform.monitoring.traffic import Traffic, traffic
from ml_platform.serving.worker_counts import read_others

FOLDER = "monitoring"


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
    reports = HandleStore(f"{platform.settings.data_url}/{FOLDER}")
    kept = reports.read(f"{name}/{stem(begin)}.json")
    if kept is not None:
        report = MonitoringReport.model_validate_json(kept)
        return Counted(report.traffic, report.totals)
    if now >= end + (end - begin) + GRACE:
        return Counted(None, None)
    found = read_others(platform.settings.kept_counts(name), but="")
    totals = traffic(found.counts, found.journal)
    before = _totals_before(reports, name, begin)
    return Counted(totals.since(before) if before else totals, totals)


def _totals_before(reports: HandleStore, name: str, begin: datetime) -> Traffic | None:
    """What had been counted by the newest report of an earlier window that counted."""
    earlier = [path for path in reports.list(name) if Path(path).stem < stem(begin)]
    for path in sorted(earlier, reverse=True):
        report = MonitoringReport.model_validate_json(reports.read(path) or "")
        if report.totals is not None:
            return report.totals
    return None
